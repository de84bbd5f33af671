//! `porthole recordings CAMERA --day D` and `porthole files CAMERA`

use crate::out::Out;
use crate::times;
use app::App;
use app::api::Failure;
use app::recorded;
use serde_json::json;

/// Lists what was recorded in a time, and what happened.
pub(crate) async fn recordings(
    app: &App,
    out: &Out,
    camera: &str,
    (from_ms, to_ms): (i64, i64),
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let stretches = recorded::stretches(&session, from_ms, to_ms).await?;
    let events = recorded::events(&session, from_ms, to_ms).await?;
    let mut people = String::new();
    for stretch in &stretches {
        let kind = format!("{:?}", stretch.kind).to_lowercase();
        people += &line(stretch.start_ms, stretch.end_ms, &kind);
    }
    for event in &events {
        people += &line(event.start_ms, event.end_ms, &event.kind);
    }
    if people.is_empty() {
        people = out.say("Nothing was recorded.", "没有录像。").to_owned();
    }
    out.data(
        &json!({ "stretches": stretches, "events": events }),
        &people,
    );
    Ok(())
}

fn line(start_ms: i64, end_ms: i64, what: &str) -> String {
    let seconds = (end_ms - start_ms) as f64 / 1000.0;
    let (start, end) = (times::show(start_ms), times::show(end_ms));
    format!("{start}  {end}  {seconds:>7.0} s  {what}\n")
}

/// Lists the files of a time.
pub(crate) async fn files(
    app: &App,
    out: &Out,
    camera: &str,
    (from_ms, to_ms): (i64, i64),
    pictures: bool,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let files = recorded::files(&session, from_ms, to_ms, pictures).await?;
    let mut people = String::new();
    for file in &files {
        let start = times::show(file.start_ms);
        people += &format!("{start}  {:>10}  {}\n", file.bytes, file.name);
    }
    if people.is_empty() {
        people = out.say("There are no files.", "没有文件。").to_owned();
    }
    out.data(&json!({ "files": files }), &people);
    Ok(())
}
