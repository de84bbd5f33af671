use super::*;
use crate::data::tests::Temporary;
use p2p::Access;

fn viewer(n: u8) -> PeerId {
    PeerId([n; 32])
}

fn request(secret: &Secret) -> pair::Request {
    pair::Request {
        secret: secret.clone(),
        viewer_name: "A\u{7}nn".into(),
    }
}

#[test]
fn the_first_secret_admits_one_viewer_and_is_then_gone() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    let secret = guests.first().unwrap();
    assert!(!guests.pair(&viewer(1), &request(&Secret::from_bytes([0; 16]))));
    assert!(!guests.admits(&viewer(1)));
    assert!(guests.pair(&viewer(1), &request(&secret)));
    assert!(guests.admits(&viewer(1)) && guests.first().is_none());
    assert!(!guests.pair(&viewer(2), &request(&secret)));
    assert!(
        guests.pair(&viewer(1), &request(&secret)),
        "a repeated request of the same viewer is no stranger's"
    );
    // The same after a restart.
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(guests.admits(&viewer(1)) && guests.first().is_none() && guests.count() == 1);
    assert_eq!(guests.lock().viewers[0].1.name, "Ann");
}

#[test]
fn of_many_at_once_one_secret_admits_one() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    let secret = guests.first().unwrap();
    let threads: Vec<_> = (1..=16)
        .map(|n| {
            let (guests, request) = (Arc::clone(&guests), request(&secret));
            std::thread::spawn(move || guests.pair(&viewer(n), &request))
        })
        .collect();
    let admitted = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .filter(|ok| *ok);
    assert_eq!(admitted.count(), 1);
    assert_eq!(guests.count(), 1);
}

#[test]
fn a_shared_link_works_once_within_a_day_and_only_viewers_make_one() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(matches!(
        guests.share(&viewer(1)),
        Err(ShareError::Stranger)
    ));
    assert!(guests.pair(&viewer(1), &request(&guests.first().unwrap())));
    let link = guests.share(&viewer(1)).unwrap();
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(guests.pair(&viewer(2), &request(&link)));
    assert!(!guests.pair(&viewer(3), &request(&link)));
    let link = guests.share(&viewer(2)).unwrap();
    guests.lock().links[0].expires = system_seconds();
    assert!(!guests.pair(&viewer(3), &request(&link)));
    for _ in 0..2 * OPEN_LINKS {
        guests.share(&viewer(2)).unwrap();
    }
    assert_eq!(guests.lock().links.len(), OPEN_LINKS);
}

#[test]
fn with_the_last_viewer_the_camera_is_nobodys_again() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    let old = guests.first().unwrap();
    guests.pair(&viewer(1), &request(&old));
    let link = guests.share(&viewer(1)).unwrap();
    let mut changes = guests.changes();
    changes.mark_unchanged();
    guests.forget(&viewer(1)).unwrap();
    assert!(changes.has_changed().unwrap());
    assert!(!guests.admits(&viewer(1)));
    assert!(!guests.pair(&viewer(2), &request(&link)) && !guests.pair(&viewer(2), &request(&old)));
    assert!(guests.pair(&viewer(2), &request(&guests.first().unwrap())));
}

#[test]
fn a_cut_while_the_last_viewer_leaves_does_not_keep_its_links() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    guests.pair(&viewer(1), &request(&guests.first().unwrap()));
    let link = guests.share(&viewer(1)).unwrap();
    // The list is written, the links are not yet.
    guests.write_viewers(&State::default()).unwrap();
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(!guests.pair(&viewer(2), &request(&link)));
    assert!(guests.pair(&viewer(2), &request(&guests.first().unwrap())));
}

#[test]
fn a_list_that_is_no_list_is_not_overwritten() {
    let temporary = Temporary::new();
    let dir = temporary.open();
    std::fs::write(dir.path(VIEWERS), r#"{"viewers":[{"id":"nobody"}]}"#).unwrap();
    assert!(matches!(
        Guests::load(dir.clone()),
        Err(DataError::Damaged { .. })
    ));
    std::fs::write(
        dir.path(VIEWERS),
        format!(r#"{{"viewers":[{{"id":"{}"}}]}}"#, viewer(7)),
    )
    .unwrap();
    assert!(Guests::load(dir).unwrap().admits(&viewer(7)));
}

#[test]
fn a_hub_binds_an_owner_and_with_it_go_all_that_it_has_let_in() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    // Somebody who came by the first link stays: no hub has put it there.
    assert!(guests.pair(&viewer(1), &request(&guests.first().unwrap())));
    guests.bind(&viewer(2), "Bob").unwrap();
    guests.bind(&viewer(2), "Bob").unwrap();
    assert!(guests.is_bound() && guests.count() == 2);
    let friend = guests.share(&viewer(2)).unwrap();
    assert!(guests.pair(&viewer(3), &request(&friend)));
    let friends_friend = guests.share(&viewer(3)).unwrap();
    assert!(guests.pair(&viewer(4), &request(&friends_friend)));
    let open = guests.share(&viewer(4)).unwrap();
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(guests.unbind(Some(&viewer(9))).unwrap().is_empty());
    let gone = guests.unbind(Some(&viewer(2))).unwrap();
    assert_eq!(gone, [viewer(2), viewer(3), viewer(4)]);
    assert!(!guests.pair(&viewer(5), &request(&open)));
    let guests = Guests::load(temporary.open()).unwrap();
    assert!(guests.admits(&viewer(1)) && guests.count() == 1 && !guests.is_bound());
}

#[test]
fn an_owner_ends_the_first_secret_and_leaves_a_new_one() {
    let temporary = Temporary::new();
    let guests = Guests::load(temporary.open()).unwrap();
    let old = guests.first().unwrap();
    guests.bind(&viewer(1), "Ann").unwrap();
    assert!(guests.first().is_none() && !guests.pair(&viewer(2), &request(&old)));
    assert_eq!(guests.unbind(None).unwrap(), [viewer(1)]);
    let new = guests.first().unwrap();
    assert!(!new.matches(&old) && guests.pair(&viewer(2), &request(&new)));
}
