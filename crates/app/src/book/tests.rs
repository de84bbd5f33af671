use super::*;
use crate::store::{FileStore, MemoryStore};
use serde_json::json;

fn address(n: u8) -> Address {
    Address {
        id: PeerId([n; 32]),
        relays: Vec::new(),
        addrs: vec!["192.168.1.7:4000".parse().unwrap()],
    }
}

fn book() -> Book {
    Book::open(Box::new(MemoryStore::default()), Path::new("/nowhere"))
}

#[test]
fn keys_are_unique_and_safe_in_urls() {
    let book = book();
    assert_eq!(
        book.add(&address(1), "Front Door!", "").unwrap().key,
        "front-door"
    );
    assert_eq!(
        book.add(&address(2), "front  door", "").unwrap().key,
        "front-door-2"
    );
    assert_eq!(book.add(&address(3), "门口", "").unwrap().key, "camera");
    assert_eq!(book.add(&address(4), "../../etc", "").unwrap().key, "etc");
    let again = book.add(&address(1), "x", "").unwrap_err();
    assert_eq!(
        (again.code, again.params["camera"].as_str()),
        (FailureCode::CameraAlreadyAdded, "Front Door!")
    );
}

#[test]
fn a_camera_is_found_by_key_name_or_id() {
    let book = book();
    let saved = book.add(&address(1), "Front", "").unwrap();
    book.add(&address(0x11), "Back", "").unwrap();
    for text in ["front", "FRONT", &saved.id, "010101"] {
        assert_eq!(book.meant(text).unwrap().key, "front", "{text}");
    }
    assert_eq!(book.meant("01"), None);
    assert_eq!(book.meant("side"), None);
}

#[test]
fn the_address_that_worked_comes_first_and_few_are_kept() {
    let book = book();
    let key = book.add(&address(1), "a", "").unwrap().key;
    for port in 1..20 {
        book.learn(&key, &[SocketAddr::from(([10, 0, 0, 1], port))], &[]);
    }
    let saved = book.camera(&key).unwrap();
    assert_eq!(saved.addresses.len(), MAX_ADDRESSES);
    assert_eq!(saved.addresses[0].port(), 19);
}

#[test]
fn two_programs_on_one_folder_lose_no_camera_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let store = FileStore::open(dir.path()).unwrap();
        Book::open(Box::new(store), dir.path())
    };
    let first = open();
    let porch = first.add(&address(1), "Porch", "").unwrap().key;
    let second = open();
    let garage = second.add(&address(2), "Garage", "").unwrap().key;
    // The first, which runs on, notes a reconnect and an address.
    let seen = first.change(&porch, |saved| {
        saved.last_seen = 7;
        true
    });
    assert_eq!(seen.unwrap().last_seen, 7);
    first.learn(&porch, &[SocketAddr::from(([10, 0, 0, 1], 9))], &[]);
    let names = |book: &Book| -> Vec<_> {
        let cameras = book.cameras();
        cameras.into_iter().map(|camera| camera.key).collect()
    };
    assert_eq!(names(&open()), [&*porch, &*garage]);
    assert_eq!(names(&first), [&*porch, &*garage]);
    assert_eq!(open().camera(&porch).unwrap().addresses.len(), 2);
    // The same camera is not added twice, nor the same key given to two.
    let again = first.add(&address(2), "Garage", "").unwrap_err();
    assert_eq!(again.code, FailureCode::CameraAlreadyAdded);
    assert_eq!(second.add(&address(3), "Porch", "").unwrap().key, "porch-2");
    // A camera that another program has removed does not come back.
    second.remove(&porch).unwrap();
    let gone = first.change(&porch, |_| true).unwrap_err();
    assert_eq!(gone.code, FailureCode::CameraUnknown);
    assert_eq!(names(&first), [&*garage, "porch-2"]);
    assert_eq!(names(&open()), [&*garage, "porch-2"]);
}

#[test]
fn an_entry_of_another_version_stays_in_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    let book = Book::open(Box::new(FileStore::open(dir.path()).unwrap()), dir.path());
    store.set("cameras", json!([{"key": 7}])).unwrap();
    book.add(&address(1), "a", "").unwrap();
    let saved = FileStore::open(dir.path()).unwrap().get("cameras").unwrap();
    let entries = saved.as_array().unwrap();
    assert_eq!((entries.len(), &entries[1]), (2, &json!({"key": 7})));
}

#[test]
fn entries_of_the_wrong_shape_are_kept_aside() {
    let store = MemoryStore::default();
    let good = json!({"key": "a", "id": "00", "name": "A", "later": "field"});
    store.set("cameras", json!([good, {"key": 7}])).unwrap();
    store.set("settings", json!({"volume": "loud"})).unwrap();
    let book = Book::open(Box::new(store), Path::new("/nowhere"));
    assert_eq!(book.cameras().len(), 1);
    assert_eq!(book.settings(), Settings::default());
    assert_eq!(book.notice().unwrap().code, FailureCode::DataUnreadable);
    assert_eq!(
        book.store
            .get("unreadable")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
