//! Which connections are admitted, and which make room.

use tokio::time::advance;

use super::*;

fn origin(address: &str) -> Origin {
    address.parse::<IpAddr>().unwrap().into()
}

/// Admits as many connections as it gets from an address, up to `count`, each a millisecond after
/// the one before.
async fn admit(admission: &Admission, address: &str, count: usize) -> Vec<ConnectionPermit> {
    let mut permits = Vec::new();
    for _ in 0..count {
        permits.extend(admission.admit(origin(address)));
        advance(Duration::from_millis(1)).await;
    }
    permits
}

fn given_up(permits: &[ConnectionPermit]) -> Vec<usize> {
    let places = permits.iter().enumerate();
    places.filter(|(_, permit)| permit.place.is_given_up()).map(|(index, _)| index).collect()
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_of_an_address_makes_room() {
    let admission = Admission::default();
    let others = admit(&admission, "192.0.2.2", 1).await;
    let permits = admit(&admission, "192.0.2.1", CONNECTIONS_OF_ADDRESS_MAX).await;
    assert!(given_up(&permits).is_empty());
    // The first holds its place, and the second is active.
    let hold = permits[0].place.hold().unwrap();
    permits[1].place.touch(Instant::now());
    let more = admit(&admission, "192.0.2.1", 2).await;
    assert_eq!((more.len(), given_up(&permits)), (2, vec![2, 3]));
    // One that was held makes room by when it was last held.
    drop(hold);
    advance(Duration::from_secs(2)).await;
    let rest = admit(&admission, "192.0.2.1", CONNECTIONS_OF_ADDRESS_MAX).await;
    assert_eq!(given_up(&permits).len(), CONNECTIONS_OF_ADDRESS_MAX);
    assert!(given_up(&others).is_empty());
    drop((permits, others, more, rest));
    assert!(admission.connections().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_all_connections_the_longest_idle_makes_room_and_this_machine_has_its_own() {
    let admission = Admission::new(2_000);
    let here = admit(&admission, "127.0.0.1", 3).await;
    let first = admit(&admission, "192.0.2.1", 1_000).await;
    let second = admit(&admission, "192.0.2.2", 1_000).await;
    let third = admit(&admission, "192.0.2.3", 500).await;
    assert_eq!((third.len(), given_up(&first).len()), (500, 500));
    assert!(given_up(&second).is_empty());
    let more_here = admit(&admission, "127.0.0.1", 2_000).await;
    assert_eq!((more_here.len(), given_up(&here)), (2_000, vec![0, 1, 2]));
    assert!(given_up(&third).is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_every_place_is_held_one_more_is_refused() {
    let admission = Admission::default();
    let permits = admit(&admission, "192.0.2.1", CONNECTIONS_OF_ADDRESS_MAX).await;
    let mut holds: Vec<_> = permits.iter().map(|permit| permit.place.hold()).collect();
    assert!(admission.admit(origin("192.0.2.1")).is_none());
    assert!(admission.admit(origin("192.0.2.2")).is_some());
    holds.pop();
    // It was looked at a moment ago.
    advance(Duration::from_secs(2)).await;
    assert!(admission.admit(origin("192.0.2.1")).is_some());
    assert_eq!(given_up(&permits), [CONNECTIONS_OF_ADDRESS_MAX - 1]);
}

#[tokio::test(start_paused = true)]
async fn a_tenth_of_the_places_cannot_be_held_by_what_anybody_may_do() {
    let admission = Admission::default();
    let permits = admit(&admission, "192.0.2.1", CONNECTIONS_OF_ADDRESS_MAX).await;
    let seats: Vec<_> = permits.iter().map(ConnectionPermit::seat).collect();
    let mut holds: Vec<_> = seats.iter().flat_map(Seat::hold_public).collect();
    assert_eq!(holds.len(), 900);
    assert_eq!(seats[900].hold_public().unwrap_err(), NoHold::Full);
    // Who watches already may watch more, and who votes always holds the place.
    holds.push(seats[0].hold_public().unwrap());
    assert!(seats[900].place.hold().is_some());
    // Until every arrival is paid off.
    advance(Duration::from_secs(4)).await;
    assert_eq!(admit(&admission, "192.0.2.1", 1_000).await.len(), 1_000);
    assert_eq!(given_up(&permits).len(), 100);
    // Places are counted, not watches.
    drop(holds.remove(0));
    let permit = admission.admit(origin("192.0.2.1")).unwrap();
    assert_eq!(permit.seat().hold_public().unwrap_err(), NoHold::Full);
    holds.clear();
    assert!(permit.seat().hold_public().is_ok());
    drop((permits, permit));
}

#[tokio::test(start_paused = true)]
async fn idle_time_shrinks_as_places_are_taken() {
    let most = Duration::from_secs(900);
    let minutes = |occupancy| idle_wait(most, occupancy).as_secs() / 60;
    assert_eq!([0.0, 0.5, 0.6, 0.75, 0.9].map(minutes), [15, 15, 12, 7, 3]);
    assert_eq!([1.0, 1.5].map(|occupancy| idle_wait(most, occupancy)), [IDLE_WAIT_MIN; 2]);

    let admission = Admission::default();
    let permits = admit(&admission, "192.0.2.1", 900).await;
    advance(Duration::from_secs(181)).await;
    let hold = permits[1].place.hold();
    assert!(permits[0].seat().gives_up_after(most) && permits[0].place.is_given_up());
    assert!(!permits[1].seat().gives_up_after(most));
    drop((hold, permits));
    let alone = admit(&admission, "192.0.2.1", 1).await;
    advance(Duration::from_secs(181)).await;
    assert!(!alone[0].seat().gives_up_after(most));
    assert!(!Seat::of_its_own().gives_up_after(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_address_wait_for_their_turn() {
    let admission = Admission::default();
    let permits: Vec<_> = (0..2_000).filter_map(|_| admission.admit(origin("192.0.2.1"))).collect();
    assert_eq!(permits.len(), 1_500);
    let begun = Instant::now();
    permits[0].turn().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    permits[1_499].turn().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    // Connections of this machine do not wait.
    assert!((0..2_000).all(|_| admission.admit(Origin::Here).is_some()));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_handshake_of_an_address_makes_room() {
    let admission = Admission::default();
    let permits = admit(&admission, "192.0.2.1", HANDSHAKES_OF_ADDRESS_MAX + 1).await;
    let mut handshakes = Vec::new();
    for permit in &permits {
        handshakes.extend(permit.handshake().await);
        advance(Duration::from_millis(10)).await;
    }
    assert_eq!((handshakes.len(), given_up(&permits)), (HANDSHAKES_OF_ADDRESS_MAX + 1, vec![0]));
    // Its connection has lost its place, too.
    assert!(permits[0].place.hold().is_none());
    drop((permits, handshakes));
    assert!(admission.handshakes().is_empty() && admission.connections().is_empty());
}

#[tokio::test(start_paused = true)]
async fn few_files_mean_few_connections() {
    let places = |files| Admission::with_files(files).connections().limits();
    assert_eq!(places(u64::MAX), (CONNECTIONS_MAX, CONNECTIONS_OF_ADDRESS_MAX));
    assert_eq!(places(1_024), (384, 192));
    assert_eq!(places(0), (16, 8));
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_connection_counts_for_the_address_that_it_comes_from() {
    let admission = Admission::default();
    let permit = admission.admit(Origin::Here).unwrap();
    let permit = permit.forwarded(origin("192.0.2.1")).unwrap();
    assert_eq!(permit.origin(), origin("192.0.2.1"));
    let others = admit(&admission, "192.0.2.1", CONNECTIONS_OF_ADDRESS_MAX).await;
    assert!(permit.place.is_given_up());
    drop((permit, others));
    assert!(admission.connections().is_empty());
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_origin() {
    assert_eq!(origin("2001:db8:1:2:3::1"), origin("2001:db8:1:2:ffff::"));
    assert_ne!(origin("2001:db8:1:2:3::1"), origin("2001:db8:1:3:3::1"));
    assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    assert_eq!([origin("::1"), origin("127.9.9.9")], [Origin::Here; 2]);
}
