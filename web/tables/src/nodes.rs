//! The nodes of a schema, and their names.

use std::collections::{BTreeMap, BTreeSet};

use capnp::introspect::{Type, TypeVariant};
use capnp::schema::{EnumSchema, StructSchema};
use capnp::schema_capnp::{code_generator_request, field, node, type_};
use capnp::{Error, Result};

/// The enums, structs and interfaces of a schema, by their ids.
#[derive(Clone)]
pub(crate) struct Nodes<'a> {
    nodes: BTreeMap<u64, node::Reader<'a>>,
    names: BTreeMap<u64, String>,
    /// The ids of those that another module defines.
    elsewhere: BTreeSet<u64>,
    left_out: &'static [&'static str],
}

impl<'a> Nodes<'a> {
    /// All that the requested files declare, and what that refers to.
    pub(crate) fn of_request(request: code_generator_request::Reader<'a>) -> Result<Self> {
        let all: BTreeMap<_, _> =
            request.get_nodes()?.iter().map(|node| (node.get_id(), node)).collect();
        let mut files = BTreeSet::new();
        for file in request.get_requested_files()? {
            files.insert(file.get_id());
        }
        let mut wanted = Vec::new();
        for (id, node) in &all {
            let mut file = *node;
            while let Some(scope) = all.get(&file.get_scope_id()) {
                file = *scope;
            }
            if files.contains(&file.get_id()) {
                wanted.push(*id);
            }
        }
        let mut nodes = BTreeMap::new();
        while let Some(id) = wanted.pop() {
            let node = all.get(&id).ok_or_else(|| failed("a node is missing", id))?;
            let is_new = nodes.insert(id, *node).is_none();
            if is_new {
                wanted.extend(references(*node)?);
            }
        }
        Self::named(nodes, &[])
    }

    /// A type, and what it refers to by other fields than those of these names.
    pub(crate) fn of_type(root: Type, left_out: &'static [&'static str]) -> Result<Nodes<'static>> {
        let mut nodes = BTreeMap::new();
        let mut wanted = vec![root];
        while let Some(wanted_type) = wanted.pop() {
            match wanted_type.which() {
                TypeVariant::List(element) => wanted.push(element),
                TypeVariant::Enum(schema) => {
                    let node = EnumSchema::from(schema).get_proto();
                    nodes.insert(node.get_id(), node);
                }
                TypeVariant::Struct(schema) => {
                    let schema = StructSchema::from(schema);
                    let node = schema.get_proto();
                    if nodes.insert(node.get_id(), node).is_none() {
                        for field in schema.get_fields()? {
                            let name = field.get_proto().get_name()?.to_str()?;
                            if !left_out.contains(&name) {
                                wanted.push(field.get_type());
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Nodes::named(nodes, left_out)
    }

    /// The node of this name with what it refers to, and all others.
    pub(crate) fn split(self, root: &str) -> Result<(Self, Self)> {
        let named = |(id, name): (&u64, &String)| (name == root).then_some(*id);
        let mut wanted: Vec<u64> = self.names.iter().filter_map(named).collect();
        let mut of_root = BTreeSet::new();
        while let Some(id) = wanted.pop() {
            if of_root.insert(id) {
                wanted.extend(references(self.node(id)?)?);
            }
        }
        let others = self.nodes.keys().filter(|id| !of_root.contains(id)).copied().collect();
        Ok((Self { elsewhere: others, ..self.clone() }, Self { elsewhere: of_root, ..self }))
    }

    fn named(
        mut nodes: BTreeMap<u64, node::Reader<'a>>,
        left_out: &'static [&'static str],
    ) -> Result<Self> {
        nodes.retain(|_, node| {
            matches!(node.which(), Ok(node::Enum(_) | node::Struct(_) | node::Interface(_)))
        });
        let mut names = BTreeMap::new();
        for (id, node) in &nodes {
            names.insert(*id, name(*node)?);
        }
        let different: BTreeSet<_> = names.values().collect();
        if different.len() < names.len() {
            return Err(Error::failed("two of the files' types have the same name".into()));
        }
        Ok(Self { nodes, names, elsewhere: BTreeSet::new(), left_out })
    }

    /// The nodes that the module defines, in the order of their names.
    pub(crate) fn in_order(&self) -> Vec<(&str, node::Reader<'a>)> {
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .filter(|(id, _)| !self.elsewhere.contains(id))
            .filter_map(|(id, node)| Some((self.name(*id).ok()?, *node)))
            .collect();
        nodes.sort_by_key(|(name, _)| *name);
        nodes
    }

    /// Whether the fields of this name are left out.
    pub(crate) fn leaves_out(&self, field: &str) -> bool {
        self.left_out.contains(&field)
    }

    /// The name of this node.
    pub(crate) fn name(&self, id: u64) -> Result<&str> {
        self.names.get(&id).map(String::as_str).ok_or_else(|| failed("a node is missing", id))
    }

    /// The node with this id.
    pub(crate) fn node(&self, id: u64) -> Result<node::Reader<'a>> {
        self.nodes.get(&id).copied().ok_or_else(|| failed("a node is missing", id))
    }

    /// Whether a node is a struct that only a method mentions. It has no name of its own.
    pub(crate) fn is_of_method(node: node::Reader) -> bool {
        matches!(node.which(), Ok(node::Struct(it)) if !it.get_is_group())
            && node.get_scope_id() == 0
    }
}

fn name(node: node::Reader) -> Result<String> {
    let whole = node.get_display_name()?.to_str()?;
    Ok(whole.rsplit_once(':').map_or(whole, |(_, own)| own).into())
}

/// The ids of what a node mentions.
fn references(node: node::Reader) -> Result<Vec<u64>> {
    let mut ids = Vec::new();
    match node.which()? {
        node::Struct(it) => {
            for field in it.get_fields()? {
                match field.which()? {
                    field::Slot(slot) => ids.extend(reference(slot.get_type()?)?),
                    field::Group(group) => ids.push(group.get_type_id()),
                }
            }
        }
        node::Interface(it) => {
            ids.extend(it.get_superclasses()?.iter().map(|above| above.get_id()));
            for method in it.get_methods()? {
                ids.extend([method.get_param_struct_type(), method.get_result_struct_type()]);
            }
        }
        _ => {}
    }
    Ok(ids)
}

fn reference(mut of: type_::Reader) -> Result<Option<u64>> {
    loop {
        return Ok(match of.which()? {
            type_::List(list) => {
                of = list.get_element_type()?;
                continue;
            }
            type_::Enum(it) => Some(it.get_type_id()),
            type_::Struct(it) => Some(it.get_type_id()),
            type_::Interface(it) => Some(it.get_type_id()),
            _ => None,
        });
    }
}

fn failed(what: &str, id: u64) -> Error {
    Error::failed(format!("{what}: {id:x}"))
}
