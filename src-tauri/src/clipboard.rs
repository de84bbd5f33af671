//! A file on the system's clipboard, as a file manager puts it there.

use std::path::Path;
use tauri::{AppHandle, Runtime};

/// Offers a file to whatever is pasted into next.
///
/// # Errors
/// Why this system's clipboard does not take it.
#[cfg(target_os = "linux")]
pub(crate) async fn put<R: Runtime>(shell: &AppHandle<R>, file: &Path) -> Result<(), String> {
    use gtk::gio::prelude::FileExt as _;
    let uri = gtk::gio::File::for_path(file).uri().to_string();
    // The toolkit's own thread answers whoever pastes, on X11 and Wayland alike, as long as the app runs.
    let (tell, told) = tokio::sync::oneshot::channel();
    shell
        .run_on_main_thread(move || {
            let _ = tell.send(offer(uri));
        })
        .map_err(|error| error.to_string())?;
    match told.await {
        Ok(true) => Ok(()),
        _ => Err("this screen has no clipboard for files".to_owned()),
    }
}

#[cfg(target_os = "linux")]
fn offer(uri: String) -> bool {
    use gtk::{TargetEntry, TargetFlags};
    /// What GNOME's file manager and its descendants paste; the others take the list.
    const COPIED: u32 = 1;
    let target = |kind: &str, info| TargetEntry::new(kind, TargetFlags::empty(), info);
    let targets = [
        target("text/uri-list", 0),
        target("x-special/gnome-copied-files", COPIED),
    ];
    let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
    clipboard.set_with_data(&targets, move |_, selection, info| {
        if info == COPIED {
            let text = format!("copy\n{uri}");
            selection.set(&selection.target(), 8, text.as_bytes());
        } else {
            selection.set_uris(&[&uri]);
        }
    })
}

/// Offers a file to whatever is pasted into next.
///
/// # Errors
/// Why this system's clipboard does not take it.
#[cfg(any(windows, target_os = "macos"))]
pub(crate) async fn put<R: Runtime>(_: &AppHandle<R>, file: &Path) -> Result<(), String> {
    let copied =
        arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set().file_list(&[file]));
    copied.map_err(|error| error.to_string())
}

/// Phones share files by a page of their system's, which this app does not open.
///
/// # Errors
/// Always.
#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
pub(crate) async fn put<R: Runtime>(_: &AppHandle<R>, _: &Path) -> Result<(), String> {
    Err("this system has no clipboard for files".to_owned())
}
