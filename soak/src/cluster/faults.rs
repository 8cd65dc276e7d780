//! What happens to the database servers, to the network and to the servers, by the seed.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::history::Shared as History;
use super::nodes::{Interrupt, NODES, Nodes, Role, Shared};
use super::servers::Server;
use super::{DURATION, Rules};

/// One pause in so many lasts an hour.
const HOUR_ODDS: u32 = 150;
const HOUR: Duration = Duration::from_secs(3_600);

/// How often something happens.
struct Pace {
    begun: Instant,
    /// The longest time in which nothing does, in milliseconds.
    quiet: u64,
}

impl Pace {
    fn new(quiet: u64) -> Self {
        Self { begun: Instant::now(), quiet }
    }

    /// Waits until something happens. Returns whether it still may.
    async fn next(&self, rng: &mut Rng) -> bool {
        sleep(below(rng, self.quiet)).await;
        self.begun.elapsed() < DURATION
    }
}

fn below(rng: &mut Rng, milliseconds: u64) -> Duration {
    Duration::from_millis(rng.u64(0..milliseconds))
}

/// What happens to a server of capvote.
pub(super) async fn of_server(server: Rc<Server>, history: History, mut rng: Rng) {
    let pace = Pace::new(rng.u64(1_000..30_000));
    while pace.next(&mut rng).await {
        let index = server.index;
        match rng.u32(0..3) {
            0 => {
                history.borrow_mut().fault("a server crashes", index);
                server.crash().await;
                sleep(below(&mut rng, 3_000)).await;
                server.start().await;
            }
            1 => {
                history.borrow_mut().fault("a server is stopped", index);
                server.stop().await;
                sleep(below(&mut rng, 500)).await;
                server.start().await;
            }
            _ => {
                let an_hour = rng.u32(0..HOUR_ODDS) == 0;
                let long = if an_hour { HOUR } else { below(&mut rng, 25_000) };
                history.borrow_mut().fault("a server is paused", format!("{index} for {long:?}"));
                history.borrow_mut().paused[server.index] = Some(Instant::now());
                server.pause(long).await;
                history.borrow_mut().paused[server.index] = None;
                history.borrow_mut().note(format!("{index} goes on"));
            }
        }
    }
}

/// What happens to the network.
pub(super) async fn of_network(nodes: Shared, history: History, mut rng: Rng) {
    let pace = Pace::new(rng.u64(1_000..30_000));
    while pace.next(&mut rng).await {
        let server = rng.usize(0..super::SERVERS);
        let ways: [bool; 2] = match rng.u32(0..3) {
            0 => [true, false],
            1 => [false, true],
            _ => [true, true],
        };
        let all = rng.bool();
        let node = rng.usize(0..NODES);
        for it in (0..NODES).filter(|it| all || *it == node) {
            nodes.borrow_mut().held[server][it] = ways;
        }
        history.borrow_mut().fault("messages are held", format!("{server} {ways:?} {all}"));
        sleep(below(&mut rng, 15_000)).await;
        nodes.borrow_mut().held[server] = Default::default();
        nodes.borrow().changed.notify_waiters();
        history.borrow_mut().note("messages pass");
    }
}

/// What happens to the database servers.
pub(super) async fn of_database(nodes: Shared, history: History, rules: Rules, mut rng: Rng) {
    let pace = Pace::new(rng.u64(1_000..20_000));
    while pace.next(&mut rng).await {
        let primary = nodes.borrow().upstream.unwrap_or(0);
        let other = Nodes::other(primary);
        match rng.u32(0..5) {
            0 => {
                history.borrow_mut().fault("the primary crashes", primary);
                nodes.borrow_mut().crash(primary);
                sleep(below(&mut rng, 4_000)).await;
                nodes.borrow_mut().restart(primary);
                history.borrow_mut().note("it starts again");
                sleep(below(&mut rng, 2_000)).await;
                nodes.borrow_mut().attach(other);
            }
            1 => fail_over(&nodes, &history, rules, &mut rng, primary).await,
            2 => {
                history.borrow_mut().fault("the standby hangs", other);
                let long = below(&mut rng, 9_000);
                nodes.borrow_mut().stall(Instant::now() + long);
                sleep(long.mul_f64(rng.f64())).await;
                interrupt(&nodes, &history, &mut rng);
                sleep(below(&mut rng, 2_000)).await;
            }
            3 => {
                // What was committed without the standby is seen, and then lost.
                history.borrow_mut().fault("the standby hangs", other);
                nodes.borrow_mut().stall(Instant::now() + Duration::from_secs(30));
                sleep(below(&mut rng, 6_000)).await;
                interrupt(&nodes, &history, &mut rng);
                sleep(below(&mut rng, 4_000)).await;
                fail_over(&nodes, &history, rules, &mut rng, primary).await;
            }
            _ => interrupt(&nodes, &history, &mut rng),
        }
    }
}

fn interrupt(nodes: &Shared, history: &History, rng: &mut Rng) {
    let how = if rng.bool() { Interrupt::Cancel } else { Interrupt::Terminate };
    if nodes.borrow_mut().interrupt(how) {
        history.borrow_mut().fault("a commit does not wait", format!("{how:?}"));
    }
}

async fn fail_over(nodes: &Shared, history: &History, rules: Rules, rng: &mut Rng, primary: usize) {
    let standby = Nodes::other(primary);
    let goes_on = rules.old_primary && rng.u32(0..3) == 0;
    if goes_on {
        history.borrow_mut().fault("an old primary goes on", primary);
    } else {
        history.borrow_mut().fault("the primary is lost", primary);
        nodes.borrow_mut().crash(primary);
        sleep(below(rng, 4_000)).await;
    }
    let lost = if rules.lag && rng.bool() { rng.usize(0..20) } else { 0 };
    history.borrow_mut().has_failed_over = true;
    history.borrow_mut().has_lost |= lost > 0;
    nodes.borrow_mut().promote(standby, lost);
    nodes.borrow_mut().stall(Instant::now());
    history.borrow_mut().note(format!("{standby} is the primary, {lost} records are lost"));
    sleep(below(rng, if goes_on { 30_000 } else { 3_000 })).await;
    nodes.borrow_mut().attach(primary);
    history.borrow_mut().note(format!("{primary} is its standby"));
}

/// Ends all faults but pauses.
pub(super) fn heal(nodes: &Shared) {
    let mut nodes = nodes.borrow_mut();
    nodes.held = Default::default();
    nodes.stall(Instant::now());
    let is_primary = |node: &usize| nodes.nodes[*node].role == Role::Primary;
    debug_assert!((0..NODES).any(|node| is_primary(&node)));
    nodes.changed.notify_waiters();
}
