//! The places for connections, in the order in which they make room for new ones.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::admission::Origin;
use super::place::Place;

/// A connection that is held when it could make room is not looked at again for this long, in
/// milliseconds.
const HELD_PAUSE_MS: u64 = 1_000;

/// Of ten places, those that connections may hold by what anybody may do: watching, and counting
/// lines.
const PUBLIC_TENTHS: usize = 9;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From other machines, and as many from this one.
    pub(super) all: usize,
    /// From one address.
    pub(super) one: usize,
}

/// The places that are taken.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    taken: HashMap<u64, Taken>,
    groups: HashMap<Group, Members>,
    next_id: u64,
}

/// A place that is taken.
#[derive(Debug)]
struct Taken {
    place: Arc<Place>,
    origin: Origin,
    /// Where it stands in the order: when it was active, as far as that was looked at.
    since: u64,
    /// What it holds that anybody may hold.
    public: usize,
}

/// Connections that have a limit in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Here,
    Elsewhere,
    Address(IpAddr),
}

#[derive(Debug, Default)]
struct Members {
    /// By [`Taken::since`], then id.
    order: BTreeSet<(u64, u64)>,
    /// Those with something in [`Taken::public`].
    public: usize,
}

/// The groups of a connection, the smallest first.
fn groups(origin: Origin) -> impl Iterator<Item = Group> {
    let groups = match origin {
        Origin::Here => [None, Some(Group::Here)],
        Origin::Elsewhere(address) => [Some(Group::Address(address)), Some(Group::Elsewhere)],
    };
    groups.into_iter().flatten()
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: HashMap::new(), groups: HashMap::new(), next_id: 0 }
    }

    /// Takes a place, and returns its id. Where a limit is reached, the connection that has been
    /// idle longest and holds nothing makes room. `None` if there is none.
    pub(super) fn take(&mut self, origin: Origin, place: Arc<Place>, now: u64) -> Option<u64> {
        for group in groups(origin) {
            if self.count(group) >= self.limit(group) && !self.make_room_in(group, now) {
                return None;
            }
        }
        let (id, since) = (self.next_id, place.active_at());
        self.next_id += 1;
        for group in groups(origin) {
            self.groups.entry(group).or_default().order.insert((since, id));
        }
        self.taken.insert(id, Taken { place, origin, since, public: 0 });
        Some(id)
    }

    /// Frees a place, if it is taken still.
    pub(super) fn free(&mut self, id: u64) -> Option<Arc<Place>> {
        let taken = self.taken.remove(&id)?;
        for group in groups(taken.origin) {
            let Some(members) = self.groups.get_mut(&group) else { continue };
            members.order.remove(&(taken.since, id));
            members.public -= usize::from(taken.public > 0);
            if members.order.is_empty() {
                self.groups.remove(&group);
            }
        }
        Some(taken.place)
    }

    /// Has one connection make room, whatever its origin. Returns whether there was one.
    pub(super) fn make_room(&mut self, now: u64) -> bool {
        self.make_room_in(Group::Elsewhere, now) || self.make_room_in(Group::Here, now)
    }

    fn make_room_in(&mut self, group: Group, now: u64) -> bool {
        // Each turn ends, or puts one connection behind `now` or to where it was active.
        while let Some((since, id)) = self.first(group) {
            if since > now {
                break;
            }
            let Some(taken) = self.taken.get(&id) else { break };
            let active_at = taken.place.active_at();
            if active_at > since {
                self.put(id, active_at);
            } else if taken.place.give_up() {
                self.free(id);
                return true;
            } else {
                self.put(id, now + HELD_PAUSE_MS);
            }
        }
        false
    }

    fn first(&self, group: Group) -> Option<(u64, u64)> {
        self.groups.get(&group)?.order.first().copied()
    }

    /// Changes where a connection stands in the order.
    fn put(&mut self, id: u64, since: u64) {
        let Some(taken) = self.taken.get_mut(&id) else { return };
        for group in groups(taken.origin) {
            let members = self.groups.entry(group).or_default();
            members.order.remove(&(taken.since, id));
            members.order.insert((since, id));
        }
        taken.since = since;
    }

    /// Counts something that a connection holds and anybody may hold. Returns `false`, and counts
    /// nothing, where too many connections of its group hold such things already.
    pub(super) fn hold_public(&mut self, id: u64) -> bool {
        let Some(taken) = self.taken.get(&id) else { return true };
        let is_first = taken.public == 0;
        let is_full = |group| self.public(group) >= (self.limit(group) * PUBLIC_TENTHS / 10).max(1);
        if is_first && groups(taken.origin).any(is_full) {
            return false;
        }
        self.change_public(id, |count| count + 1);
        true
    }

    pub(super) fn release_public(&mut self, id: u64) {
        self.change_public(id, |count| count - 1);
    }

    fn change_public(&mut self, id: u64, change: impl FnOnce(usize) -> usize) {
        let Some(taken) = self.taken.get_mut(&id) else { return };
        let before = usize::from(taken.public > 0);
        taken.public = change(taken.public);
        for group in groups(taken.origin) {
            let members = self.groups.entry(group).or_default();
            members.public = members.public - before + usize::from(taken.public > 0);
        }
    }

    /// How many of the places that a connection may take are taken: of the group that has fewer
    /// free ones in proportion.
    pub(super) fn occupancy(&self, id: u64) -> f64 {
        let Some(taken) = self.taken.get(&id) else { return 0.0 };
        let of = |group| self.count(group) as f64 / self.limit(group) as f64;
        groups(taken.origin).map(of).fold(0.0, f64::max)
    }

    fn limit(&self, group: Group) -> usize {
        match group {
            Group::Here | Group::Elsewhere => self.limits.all,
            Group::Address(_) => self.limits.one,
        }
    }

    fn count(&self, group: Group) -> usize {
        self.groups.get(&group).map_or(0, |members| members.order.len())
    }

    fn public(&self, group: Group) -> usize {
        self.groups.get(&group).map_or(0, |members| members.public)
    }

    #[cfg(test)]
    pub(super) fn limits(&self) -> (usize, usize) {
        (self.limits.all, self.limits.one)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.groups.is_empty()
    }
}
