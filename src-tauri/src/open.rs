//! Hands a saved file to the rest of the system, to its program or to the clipboard: a video or a picture in the folder
//! where the app keeps them, and nothing else, whatever the page asks.

use crate::clipboard;
use app::api::{Failure, FailureCode};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_opener::OpenerExt as _;

/// Where snapshots, recordings and downloads are.
pub(crate) struct MediaFolder(pub(crate) PathBuf);

/// What the app itself writes there.
const KINDS: [&str; 2] = ["mp4", "jpg"];

/// # Errors
/// [`FailureCode::FileNotOpened`]: it is not there, not one of ours, or the system has no program for it.
#[tauri::command]
pub(crate) async fn open_file<R: Runtime>(
    shell: AppHandle<R>,
    media: State<'_, MediaFolder>,
    path: PathBuf,
) -> Result<(), Failure> {
    let refused = |reason: &dyn Display| failure(FailureCode::FileNotOpened, &path, reason);
    let file = own_file(&media.0, &path).map_err(|reason| refused(&reason))?;
    shell
        .opener()
        .open_path(file.to_string_lossy(), None::<&str>)
        .map_err(|error| refused(&error))
}

/// Puts a file on the clipboard: pasted into a mail, a chat or a folder it is there.
///
/// # Errors
/// [`FailureCode::FileNotCopied`]: it is not there, not one of ours, or there is no clipboard for files.
#[tauri::command]
pub(crate) async fn copy_file<R: Runtime>(
    shell: AppHandle<R>,
    media: State<'_, MediaFolder>,
    path: PathBuf,
) -> Result<(), Failure> {
    let refused = |reason: String| failure(FailureCode::FileNotCopied, &path, &reason);
    let file = own_file(&media.0, &path).map_err(refused)?;
    clipboard::put(&shell, &file).await.map_err(refused)
}

fn failure(code: FailureCode, path: &Path, reason: &dyn Display) -> Failure {
    Failure::new(code)
        .with("path", path.display())
        .with("reason", reason)
        .detail(reason)
}

/// The real path of a file below `folder`, links followed.
fn own_file(folder: &Path, path: &Path) -> Result<PathBuf, String> {
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let file = path.canonicalize().map_err(|error| error.to_string())?;
    let kind = file.extension().and_then(|kind| kind.to_str());
    let is_known = kind.is_some_and(|kind| KINDS.contains(&kind));
    if !file.starts_with(folder) || !file.is_file() || !is_known {
        return Err("it is not a video or picture of this app".to_owned());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_videos_and_pictures_below_the_folder_are_opened() {
        let root = tempfile::tempdir().expect("a folder");
        let media = root.path().join("media");
        fs::create_dir_all(media.join("deep")).expect("folders");
        for name in ["a.mp4", "deep/b.jpg", "c.sh", "../outside.mp4"] {
            fs::write(media.join(name), b"x").expect("a file");
        }
        assert!(own_file(&media, &media.join("a.mp4")).is_ok());
        assert!(own_file(&media, &media.join("deep/b.jpg")).is_ok());
        for name in [
            "c.sh",
            "../outside.mp4",
            "deep",
            "missing.mp4",
            "deep/../../outside.mp4",
        ] {
            assert!(own_file(&media, &media.join(name)).is_err(), "{name}");
        }
        assert!(own_file(&root.path().join("nowhere"), &media.join("a.mp4")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let root = tempfile::tempdir().expect("a folder");
        let media = root.path().join("media");
        fs::create_dir(&media).expect("a folder");
        fs::write(root.path().join("secret.mp4"), b"x").expect("a file");
        std::os::unix::fs::symlink(root.path().join("secret.mp4"), media.join("link.mp4"))
            .expect("a link");
        assert!(own_file(&media, &media.join("link.mp4")).is_err());
    }
}
