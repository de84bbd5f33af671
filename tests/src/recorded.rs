//! What a card or a folder holds, picture by picture, as FFmpeg's own programs see it.

use crate::places;
use crate::programs::{self, PATIENCE};
use media::marks;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pictures are read at this size.
const SIZE: (u32, u32) = (320, 180);

/// The frame counters of pictures, in their order.
pub type Kept = Vec<u32>;

/// All videos below `folder`, in the order of their names.
pub fn videos(folder: &Path) -> Vec<PathBuf> {
    places::files(folder, &["mp4"])
}

/// The counters of a card's videos, one after the other. The last of them may be cut anywhere.
pub fn on_card(folder: &Path) -> Kept {
    let videos = videos(folder);
    assert!(!videos.is_empty(), "nothing on the card");
    videos.iter().flat_map(|file| decode(file).0).collect()
}

/// The counters of a video that neither `ffprobe` nor `ffmpeg` has anything against.
pub fn whole(file: &Path) -> Kept {
    let mut probe = Command::new("ffprobe");
    probe
        .args(["-v", "error", "-show_format", "-of", "json"])
        .arg(file);
    let probed = programs::finish(&mut probe, PATIENCE).succeeded();
    assert_eq!(probed.stderr, "", "ffprobe complains");
    let (counters, complaints) = decode(file);
    assert_eq!(complaints, "", "ffmpeg complains");
    counters
}

fn decode(file: &Path) -> (Kept, String) {
    let mut decode = Command::new("ffmpeg");
    decode.args(["-v", "error", "-i"]).arg(file);
    let scale = format!("scale={}:{}", SIZE.0, SIZE.1);
    decode.args(["-fps_mode", "passthrough", "-vf", &scale]);
    decode.args(["-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let decoded = programs::finish(&mut decode, PATIENCE * 4);
    let picture = (SIZE.0 * SIZE.1) as usize;
    let counters = decoded
        .stdout
        .chunks_exact(picture)
        .map(|luma| {
            marks::read_counter(luma, SIZE.0 as usize, SIZE.0, SIZE.1)
                .unwrap_or_else(|| panic!("no counter in a picture of {}", file.display()))
        })
        .collect();
    (counters, decoded.stderr)
}
