//! What reading costs: `cargo run --release -p wire --example speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use wire::Target;
use wire::command::FileType;
use wire::command::reply::{File, FileList};
use wire::link::Link;

fn main() {
    measure("live URL", || {
        Target::parse("/ipc.p2p.com/ipc.flv?action=live&channel=0&quality=high").is_ok()
    });
    measure("PTZ topic, percent-encoded", || {
        Target::parse("/ipc.p2p.com/command?action=user_define&channel=0&cmd=%7B%22topic%22%3A%22ptz%22%2C%22data%22%3A%7B%22cmd%22%3A%22ptz_left_press%22%7D%7D").is_ok()
    });
    let link = format!(
        "porthole:{}?secret=gaytemzugu3doobzmfrggzdfmy&name=Front%20door&addr=192.168.1.20:4433",
        "ab".repeat(32)
    );
    measure("link", || link.parse::<Link>().is_ok());
    let list = FileList {
        file_list: (0..100)
            .map(|n| File {
                file_type: FileType::Video,
                file_name: format!("2026-07-08/{n:04}.mp4"),
                file_size: 1 << 20,
                start_time: 1_783_440_000 + n * 60,
                end_time: 1_783_440_060 + n * 60,
                extra_info: String::new(),
            })
            .collect(),
    };
    let text = list.encode();
    measure("file list of 100, read", || {
        FileList::decode(text.as_bytes()).is_ok()
    });
    measure("file list of 100, written", || !list.encode().is_empty());
    println!("{:<30}{:>10} bytes", "file list of 100, size", text.len());
}

/// Best of five rounds, so that a busy machine disturbs least.
fn measure(what: &str, mut work: impl FnMut() -> bool) {
    const CALLS: u32 = 2000;
    let best = (0..5).fold(Duration::MAX, |best, _| {
        let start = Instant::now();
        for _ in 0..CALLS {
            assert!(black_box(work()));
        }
        best.min(start.elapsed() / CALLS)
    });
    println!("{what:<30}{:>10.2} µs", best.as_secs_f64() * 1e6);
}
