//! The system packages, as data: what, and what for.

/// One Debian package and why it is needed.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
}

/// A group of packages for one purpose.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "compiling",
        &[
            "build-essential",
            "pkg-config",
            "clang",
            "libclang-dev",
            "libssl-dev",
        ],
    ),
    (
        "the app's window",
        &[
            "libwebkit2gtk-4.1-dev",
            "librsvg2-dev",
            "libxdo-dev",
            "libayatana-appindicator3-dev",
            "libgl1-mesa-dri",
            "fonts-dejavu-core",
            "fonts-noto-cjk",
        ],
    ),
    (
        "video in the window",
        &[
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
            "gstreamer1.0-plugins-bad",
            "gstreamer1.0-libav",
            "gstreamer1.0-gl",
            "gstreamer1.0-x",
        ],
    ),
    (
        "codecs",
        &[
            "ffmpeg",
            "libavcodec-dev",
            "libavformat-dev",
            "libavutil-dev",
            "libswscale-dev",
            "libswresample-dev",
            "libavfilter-dev",
            "libavdevice-dev",
        ],
    ),
    (
        "sound",
        &["libasound2-dev", "pulseaudio", "pulseaudio-utils"],
    ),
    (
        "tests of the window",
        &[
            "webkit2gtk-driver",
            "xvfb",
            "xauth",
            "dbus",
            "dbus-x11",
            "at-spi2-core",
            "imagemagick",
            "xdotool",
            "xclip",
        ],
    ),
    ("spoken words for tests of talk", &["espeak-ng"]),
    (
        "Wi-Fi and a disk in a virtual machine",
        &["qemu-system-x86", "e2fsprogs"],
    ),
    ("the hub's tests on its other database", &["postgresql"]),
    (
        "another broker and other clients beside the hub's",
        &["mosquitto", "mosquitto-clients"],
    ),
    (
        "comparisons in the benches",
        &["mpv", "libspeexdsp-dev", "python3-venv"],
    ),
];

/// All packages, in the order of the groups.
pub(crate) fn all() -> impl Iterator<Item = Package> {
    GROUPS
        .iter()
        .flat_map(|(purpose, names)| names.iter().map(|name| Package { name, purpose }))
}
