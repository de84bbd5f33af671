//! The one command: from the page to the core and back, with a view's binary channel beside it.

use app::api::{Call, Failure, Reply};
use app::{App, FrameSink};
use std::sync::Arc;
use tauri::ipc::{Channel, InvokeResponseBody, JavaScriptChannelId};
use tauri::{Runtime, State, Webview};

/// Carries a [`Call`] to the core. `channel` is where [`Call::OpenView`]'s frames go; other calls have none.
///
/// The channel has no backpressure of its own: the core counts what the page has not acknowledged.
#[tauri::command]
pub(crate) async fn call<R: Runtime>(
    webview: Webview<R>,
    app: State<'_, App>,
    request: Call,
    channel: Option<JavaScriptChannelId>,
) -> Result<Reply, Failure> {
    app.call(request, channel.map(|id| frames(id.channel_on(webview))))
        .await
}

fn frames(channel: Channel<InvokeResponseBody>) -> FrameSink {
    Arc::new(move |frame| channel.send(InvokeResponseBody::Raw(frame)).is_ok())
}
