//! Downloads: resumed at any byte, the same whenever they are asked for, and never in the way of live.

use std::process::Command;
use std::time::{Duration, Instant};

use media::file::{Source, Unit};
use p2p::{Priority, Request, Response};
use sha2::{Digest, Sha256};

use super::*;

const MOST: usize = 64 << 20;

impl Viewer {
    async fn download(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        let path = format!("/ipc.p2p.com/ipc.flv?action=download&channel=0&{query}");
        let mut request = Request::get(path).priority(Priority::Download);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.session.request(request).await.unwrap()
    }

    async fn bytes(&self, query: &str) -> Vec<u8> {
        let response = self.download(query, &[]).await;
        assert_eq!(response.status, 200, "{query}");
        response.body.read_to_end(MOST).await.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let range = format!("start_time={}&end_time={}", T - 100, T + 1_000);
        let mut names = Vec::new();
        for kind in [0, 1] {
            let list = self
                .steer(&format!("get_file_list&{range}&file_type={kind}"))
                .await;
            let list = FileList::decode(list.as_bytes()).unwrap().file_list;
            names.extend(list.into_iter().map(|file| file.file_name));
        }
        names
    }

    async fn hash(&self, data: &str) -> Vec<u8> {
        self.user(&format!(r#"{{"topic":"file_hash","data":{data}}}"#))
            .await
    }
}

fn sha256(bytes: &[u8]) -> wire::Sha256 {
    wire::Sha256(Sha256::digest(bytes).into())
}

/// The numbers in a file's pictures, as FFmpeg decodes them, and the times between them.
fn film_in(bytes: &[u8]) -> (Vec<u32>, Vec<i64>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.mp4");
    std::fs::write(&path, bytes).unwrap();
    let mut source = Source::open(&path).unwrap();
    let (mut numbers, mut times) = (Vec::new(), Vec::new());
    while source.rounds() == 0 {
        if let Ok(Unit::Video(picture)) = source.next()
            && source.rounds() == 0
        {
            numbers.push(number(&picture).unwrap());
            times.push(picture.pts / 1000);
        }
    }
    (numbers, times)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_resumed_at_any_byte_and_has_the_hash_that_was_told() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let name = viewer.names().await[1].clone();
    let query = format!("file_name={name}");
    let whole = viewer.download(&query, &[]).await;
    let header = |name| whole.header_value(name).map(str::to_owned);
    let (length, etag, hash) = (header("content-length"), header("etag"), header(SHA256));
    assert_eq!(header("accept-ranges").as_deref(), Some("bytes"));
    assert_eq!(header("content-type").as_deref(), Some("video/mp4"));
    let whole = whole.body.read_to_end(MOST).await.unwrap();
    assert_eq!(length, Some(whole.len().to_string()));
    assert_eq!(hash, Some(sha256(&whole).to_string()));
    let told =
        FileHash::decode(&viewer.hash(&format!(r#"{{"file_name":"{name}"}}"#)).await).unwrap();
    assert_eq!(
        (told.sha256, told.size),
        (sha256(&whole), whole.len() as u64)
    );

    let end = whole.len();
    for at in [0, 1, 17, end / 3, end - 1, end] {
        assert!(
            viewer.bytes(&format!("{query}&offset={at}")).await == whole[at..],
            "{at}"
        );
    }
    let etag = etag.unwrap();
    for (range, from, to) in [
        ("bytes=0-", 0, end),
        ("bytes=100-199", 100, 200),
        ("bytes=-7", end - 7, end),
    ] {
        let part = viewer
            .download(&query, &[("range", range), ("if-match", &etag)])
            .await;
        assert_eq!(part.status, 206);
        let told = format!("bytes {from}-{}/{end}", to - 1);
        assert_eq!(part.header_value("content-range"), Some(told.as_str()));
        assert!(
            part.body.read_to_end(MOST).await.unwrap() == whole[from..to],
            "{range}"
        );
    }
    let other = viewer
        .download(&query, &[("if-match", "\"another\"")])
        .await;
    assert_eq!(other.status, 412);
    let far = viewer
        .download(&format!("{query}&offset={}", end + 1), &[])
        .await;
    assert_eq!(far.status, 416);
    let far = viewer
        .download(&query, &[("range", &format!("bytes={end}-"))])
        .await;
    assert_eq!(far.status, 416);
    assert_eq!(
        far.header_value("content-range"),
        Some(format!("bytes */{end}").as_str())
    );

    // Fifty pictures that any player shows.
    assert_eq!(film_in(&whole).0, (50..100).collect::<Vec<_>>());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_is_the_same_file_whenever_it_is_asked_for_and_plays() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    // From the middle of one segment over a border and the gap into another.
    let query = format!("start_time={}&end_time={}", T + 13, T + 62);
    let whole = viewer.download(&query, &[]).await;
    let header = |name| whole.header_value(name).map(str::to_owned);
    assert_eq!(header(START_MS), Some(((T + 13) * 1000).to_string()));
    assert_eq!(header(END_MS), Some(((T + 63) * 1000).to_string()));
    let (length, etag) = (header("content-length").unwrap(), header("etag").unwrap());
    assert_eq!(header(SHA256), None, "not known before it was read");
    let whole = whole.body.read_to_end(MOST).await.unwrap();
    assert_eq!(whole.len().to_string(), length);

    let end = whole.len();
    for at in [0, 1, 600, 65_535, 65_536, 65_537, end / 2, end - 1] {
        let again = viewer.bytes(&format!("{query}&offset={at}")).await;
        assert!(again == whole[at..], "from {at}");
    }
    let again = viewer.download(&query, &[("if-match", &etag)]).await;
    assert_eq!(
        again.header_value(SHA256),
        Some(sha256(&whole).to_string().as_str())
    );
    drop(again);
    let data = format!(r#"{{"start_time":{},"end_time":{}}}"#, T + 13, T + 62);
    let told = FileHash::decode(&viewer.hash(&data).await).unwrap();
    assert_eq!((told.sha256, told.size), (sha256(&whole), end as u64));

    let (numbers, times) = film_in(&whole);
    let want: Vec<u32> = (130..200).chain(600..630).collect();
    assert_eq!(numbers, want);
    // What was not recorded is not waited for.
    assert!(
        times
            .windows(2)
            .all(|t| (90..=110).contains(&(t[1] - t[0]))),
        "{times:?}"
    );
    assert!(plays_cleanly(&whole));

    let none = viewer
        .download(&format!("start_time={}&end_time={}", T + 30, T + 40), &[])
        .await;
    assert_eq!(none.status, 404);
    let body = none.body.read_to_end(10_000).await.unwrap();
    assert_eq!(Refusal::decode(&body).unwrap(), Refusal::no_recording());
    rig.stop().await;
}

/// Whether the program `ffmpeg` reads a file through without a word.
fn plays_cleanly(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.mp4");
    std::fs::write(&path, bytes).unwrap();
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    println!("ffmpeg: {said}");
    done.status.success() && said.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_that_nobody_has_read_has_its_hash_counted() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let data = format!(r#"{{"start_time":"{}","end_time":"{}"}}"#, T, T + 5);
    let told = FileHash::decode(&viewer.hash(&data).await).unwrap();
    let bytes = viewer
        .bytes(&format!("start_time={}&end_time={}", T, T + 5))
        .await;
    assert_eq!(
        (told.sha256, told.size),
        (sha256(&bytes), bytes.len() as u64)
    );
    for (data, error) in [
        (
            r#"{"file_name":"../identity.key"}"#.to_owned(),
            "no_such_file",
        ),
        (
            format!(r#"{{"start_time":1,"end_time":{}}}"#, T - 9),
            "no_recording",
        ),
    ] {
        let refused = UserReply::decode(&viewer.hash(&data).await)
            .unwrap()
            .refusal()
            .unwrap();
        assert_eq!((refused.result, refused.error.as_str()), (-2701, error));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_cards_own_files_has_a_name() {
    let (rig, dir) = start().await;
    let viewer = rig.paired().await;
    let names = viewer.names().await;
    let (name, picture) = (&names[0], names.last().unwrap());
    assert_eq!(
        viewer.bytes(&format!("file_name={picture}")).await,
        b"\xff\xd8\xff\xd9"
    );
    // A link that leads out of the card, and a file that no index knows.
    let day = dir.path().join("video/20261130");
    std::os::unix::fs::symlink("/etc/passwd", day.join("20261130T000000Z-999999.mp4")).unwrap();
    std::fs::write(day.join("20261130T000000Z-999998.mp4"), b"secret").unwrap();
    let hostile = [
        "..%2F..%2Fetc%2Fpasswd".to_owned(),
        "%2Fetc%2Fpasswd".to_owned(),
        "index".to_owned(),
        ".".to_owned(),
        format!("video%2F20261130%2F{name}"),
        format!("..%2F20261130%2F{name}"),
        format!(".%2F{name}"),
        format!("{name}%00"),
        format!("{name}%00.jpg"),
        format!("{name}%20"),
        name.to_lowercase(),
        name.replace("mp4", "jpg"),
        name.replace('T', "%EF%BC%B4"),
        "20261130T000000Z-999999.mp4".to_owned(),
        "20261130T000000Z-999998.mp4".to_owned(),
        "20261130T143000Z-18446744073709551615.mp4".to_owned(),
        "%25s%25n".to_owned(),
    ];
    for name in hostile {
        let response = viewer.download(&format!("file_name={name}"), &[]).await;
        let body = response.body.read_to_end(10_000).await.unwrap();
        assert_eq!(response.status, 404, "{name}");
        assert_eq!(
            Refusal::decode(&body).unwrap(),
            Refusal::no_such_file(),
            "{name}"
        );
    }
    let post = Request::post("/ipc.p2p.com/ipc.flv?action=download&file_name=a", "x");
    assert_eq!(viewer.session.request(post).await.unwrap().status, 405);
    let child = "action=download&channel=7&file_name=a";
    assert_eq!(
        viewer.session.request(get(child)).await.unwrap().status,
        404
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_damaged_leave_a_hole_and_not_a_broken_file() {
    let (rig, dir) = start().await;
    let viewer = rig.paired().await;
    let name = viewer.names().await[0].clone();
    let path = dir.path().join("video/20261130").join(&name);
    let mut file = std::fs::read(&path).unwrap();
    // In the middle of the third second's pictures.
    let at = file.len() / 2;
    file[at..at + 64].fill(0x55);
    std::fs::write(&path, &file).unwrap();

    let query = format!("start_time={}&end_time={}", T, T + 6);
    let cut = viewer.bytes(&query).await;
    let (numbers, _) = film_in(&cut);
    assert_eq!(numbers, (0..20).chain(30..70).collect::<Vec<_>>());
    let mut reel = viewer.play(0, 6, "").await;
    reel.play_out().await;
    assert_eq!(reel.numbers(), (0..20).chain(30..=60).collect::<Vec<_>>());
    assert_eq!(reel.positions()[2], (3_000, true));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_leaves_in_the_middle_ends_its_download() {
    let (rig, _dir) = start().await;
    let viewer = rig.paired().await;
    let query = format!("start_time={}&end_time={}", T, T + 70);
    for _ in 0..20 {
        let mut response = viewer.download(&query, &[]).await;
        response.body.chunk().await.unwrap().unwrap();
        drop(response);
    }
    // It is served on, and goes off at once.
    assert!(!viewer.bytes(&query).await.is_empty());
    let going = Instant::now();
    rig.stop().await;
    assert!(going.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_of_several_viewers_leave_live_alone() {
    let (rig, _dir) = start().await;
    let watcher = rig.paired().await;
    let mut live = watcher.open("action=live&channel=0&quality=standard").await;
    live.pictures(10).await;
    let mut loaders = Vec::new();
    for _ in 0..3 {
        loaders.push(rig.another(&watcher).await);
    }
    let query = format!("start_time={}&end_time={}", T, T + 70);
    let stop = Instant::now() + Duration::from_secs(4);
    let query = query.as_str();
    let downloads = loaders.iter().map(|loader| async move {
        let mut bytes = 0;
        while Instant::now() < stop {
            bytes += loader.bytes(query).await.len();
        }
        assert!(bytes > 0);
        println!("downloaded {bytes} bytes beside live");
    });
    let watching = async {
        let mut worst = 0;
        while Instant::now() < stop {
            worst = worst.max(live.pictures(1).await[0].age_ms());
        }
        println!("oldest picture of live: {worst} ms");
    };
    tokio::join!(futures(downloads), watching);
    let stats = rig.camera.stats();
    let skips: Vec<u64> = stats.streams.iter().map(|stream| stream.skips).collect();
    assert_eq!(skips, [0]);
    rig.stop().await;
}
