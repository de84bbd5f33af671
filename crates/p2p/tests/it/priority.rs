//! A command stays fast while a file fills the path.

use std::time::{Duration, Instant};

use p2p::{Priority, Request, Session};

use crate::support::{hello, pair, percentile};

async fn command_times(session: &Session, priority: Priority) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..60 {
        let start = Instant::now();
        let response = session
            .request(Request::get("/hello").priority(priority).watched(false))
            .await
            .unwrap();
        response.body.read_to_end(10).await.unwrap();
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (percentile(&mut times, 0.5), percentile(&mut times, 0.95))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_stays_fast_beside_downloads() {
    let (_camera, _viewer, session) = pair().await;
    hello(&session).await.unwrap();
    let alone = command_times(&session, Priority::Control).await;
    let downloads: Vec<_> = (0..3)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move {
                let request =
                    Request::get(format!("/file?{}", 4usize << 30)).priority(Priority::Download);
                let mut body = session.request(request).await.unwrap().body;
                let mut bytes = 0;
                while let Some(Ok(chunk)) = body.chunk().await {
                    bytes += chunk.len();
                    if bytes >> 32 != 0 {
                        break;
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let urgent = command_times(&session, Priority::Control).await;
    let equal = command_times(&session, Priority::Download).await;
    println!(
        "command p50/p95: alone {alone:?}, beside 3 downloads {urgent:?}, with their priority {equal:?}"
    );
    assert!(
        downloads.iter().all(|download| !download.is_finished()),
        "the path was full all the time"
    );
    downloads.iter().for_each(|download| download.abort());
    assert!(urgent.0 < Duration::from_millis(50), "{urgent:?}");
    assert!(urgent.1 < Duration::from_millis(250), "{urgent:?}");
}
