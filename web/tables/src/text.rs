//! The text of a module that defines types.

use std::fmt::Write;

use capnp::schema_capnp::{field, node, type_, value};
use capnp::{Error, Result};

use super::COMMAND;
use super::nodes::Nodes;

/// The widest line.
const COLUMNS: usize = 100;

/// The definitions, as types.js reads them.
pub(crate) fn definitions(nodes: &Nodes) -> Result<String> {
    let mut text = String::new();
    for (name, node) in nodes.in_order() {
        definition(&mut text, nodes, name, node)?;
    }
    Ok(text)
}

/// The module, which exports its interfaces by their names, and all types. What `nodes` refer to
/// and do not have is in the module next to it that `base` names.
pub(crate) fn module(nodes: &Nodes, source: &str, base: Option<&str>) -> Result<String> {
    let text = definitions(nodes)?;
    let mut interfaces = String::new();
    let mut column = COLUMNS;
    for (name, node) in nodes.in_order() {
        if matches!(node.which()?, node::Interface(_)) {
            let start = if column + name.len() + 2 > COLUMNS { "\n  " } else { " " };
            column = if start == " " { column } else { 1 } + name.len() + 2;
            write!(interfaces, "{start}{name},").map_err(unwritten)?;
        }
    }
    let (import, argument) = match base {
        Some(base) => (format!("import {{ types as base }} from \"./{base}\";\n"), ", base"),
        None => (String::new(), ""),
    };
    let mut module = format!(
        "// Written by `{COMMAND}` from {source}; types.js says how to read it.\n\n\
         {import}import {{ define }} from \"./types.js\";\n\n\
         export const types = define(`\n{text}`{argument});\n"
    );
    if !interfaces.is_empty() {
        write!(module, "\nexport const {{{interfaces}\n}} = types;\n").map_err(unwritten)?;
    }
    Ok(module)
}

fn definition(text: &mut String, nodes: &Nodes, name: &str, node: node::Reader) -> Result<()> {
    match node.which()? {
        node::Enum(it) => {
            write!(text, "enum {name}").map_err(unwritten)?;
            for value in it.get_enumerants()? {
                write!(text, " {}", value.get_name()?.to_str()?).map_err(unwritten)?;
            }
            text.push('\n');
        }
        // What only a method mentions is there.
        node::Struct(_) if Nodes::is_of_method(node) => {}
        node::Struct(it) => {
            write!(text, "struct {name} ").map_err(unwritten)?;
            members(text, nodes, it)?;
        }
        node::Interface(it) => {
            write!(text, "interface {name} {:x}", node.get_id()).map_err(unwritten)?;
            for above in it.get_superclasses()? {
                write!(text, " {}", nodes.name(above.get_id())?).map_err(unwritten)?;
            }
            text.push('\n');
            for method in it.get_methods()? {
                writeln!(text, " {}", method.get_name()?.to_str()?).map_err(unwritten)?;
                side(text, nodes, '>', method.get_param_struct_type())?;
                side(text, nodes, '<', method.get_result_struct_type())?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The parameters or the results of a method.
fn side(text: &mut String, nodes: &Nodes, mark: char, id: u64) -> Result<()> {
    let node = nodes.node(id)?;
    match node.which()? {
        node::Struct(it) if Nodes::is_of_method(node) => {
            if it.get_data_word_count() + it.get_pointer_count() > 0 {
                write!(text, " {mark}").map_err(unwritten)?;
                members(text, nodes, it)?;
            }
        }
        _ => writeln!(text, " {mark}{}", nodes.name(id)?).map_err(unwritten)?,
    }
    Ok(())
}

/// The size and the fields of a struct.
fn members(text: &mut String, nodes: &Nodes, of: node::struct_::Reader) -> Result<()> {
    write!(text, "{} {}", of.get_data_word_count(), of.get_pointer_count()).map_err(unwritten)?;
    if of.get_discriminant_count() > 0 {
        write!(text, " ?{}", of.get_discriminant_offset()).map_err(unwritten)?;
    }
    text.push('\n');
    let mut fields: Vec<_> = of.get_fields()?.iter().collect();
    fields.sort_by_key(|field| field.get_code_order());
    fields.into_iter().try_for_each(|it| field(text, nodes, it))
}

fn field(text: &mut String, nodes: &Nodes, it: field::Reader) -> Result<()> {
    let name = it.get_name()?.to_str()?;
    if nodes.leaves_out(name) {
        return Ok(());
    }
    let (kind, offset, default) = match it.which()? {
        field::Slot(slot) => {
            let default = default(slot.get_default_value()?)
                .map_err(|error| Error::failed(format!("the default of {name}: {error}")))?;
            (type_name(nodes, slot.get_type()?)?, slot.get_offset(), default)
        }
        field::Group(group) => (format!("{{{}}}", nodes.name(group.get_type_id())?), 0, 0),
    };
    write!(text, " {name} {kind} {offset}").map_err(unwritten)?;
    if it.get_discriminant_value() != field::NO_DISCRIMINANT {
        write!(text, " @{}", it.get_discriminant_value()).map_err(unwritten)?;
    }
    if default != 0 {
        write!(text, " ={default}").map_err(unwritten)?;
    }
    text.push('\n');
    Ok(())
}

fn type_name(nodes: &Nodes, of: type_::Reader) -> Result<String> {
    Ok(match of.which()? {
        type_::Void(()) => "void".into(),
        type_::Bool(()) => "bool".into(),
        type_::Int8(()) => "i8".into(),
        type_::Int16(()) => "i16".into(),
        type_::Int32(()) => "i32".into(),
        type_::Int64(()) => "i64".into(),
        type_::Uint8(()) => "u8".into(),
        type_::Uint16(()) => "u16".into(),
        type_::Uint32(()) => "u32".into(),
        type_::Uint64(()) => "u64".into(),
        type_::Float32(()) => "f32".into(),
        type_::Float64(()) => "f64".into(),
        type_::Text(()) => "text".into(),
        type_::Data(()) => "data".into(),
        type_::List(list) => format!("[{}]", type_name(nodes, list.get_element_type()?)?),
        type_::Enum(it) => nodes.name(it.get_type_id())?.into(),
        type_::Struct(it) => nodes.name(it.get_type_id())?.into(),
        type_::Interface(it) => nodes.name(it.get_type_id())?.into(),
        type_::AnyPointer(it) => match it.which()? {
            type_::any_pointer::Unconstrained(it)
                if matches!(it.which()?, type_::any_pointer::unconstrained::Capability(())) =>
            {
                "cap".into()
            }
            _ => "any".into(),
        },
    })
}

/// The bits of a default value.
fn default(of: value::Reader) -> Result<u64> {
    let other = |has: bool| match has {
        true => Err(Error::failed("defaults of pointers are not supported".into())),
        false => Ok(0),
    };
    match of.which()? {
        value::Void(()) | value::Interface(()) => Ok(0),
        value::Bool(it) => Ok(it.into()),
        value::Int8(it) => Ok(it.cast_unsigned().into()),
        value::Int16(it) => Ok(it.cast_unsigned().into()),
        value::Int32(it) => Ok(it.cast_unsigned().into()),
        value::Int64(it) => Ok(it.cast_unsigned()),
        value::Uint8(it) => Ok(it.into()),
        value::Uint16(it) | value::Enum(it) => Ok(it.into()),
        value::Uint32(it) => Ok(it.into()),
        value::Uint64(it) => Ok(it),
        value::Float32(it) => Ok(it.to_bits().into()),
        value::Float64(it) => Ok(it.to_bits()),
        value::Text(it) => other(!it?.is_empty()),
        value::Data(it) => other(!it?.is_empty()),
        value::List(it) | value::Struct(it) | value::AnyPointer(it) => other(!it.is_null()),
    }
}

fn unwritten(error: std::fmt::Error) -> Error {
    Error::failed(error.to_string())
}
