//! The documents' error codes, each with its cause and what to do next, in English and Chinese.

/// Language of a text shown to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal,
        $cause_en:literal, $next_en:literal, $cause_zh:literal, $next_zh:literal;)+) => {
        /// An error code of the X-P2P documents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(
                #[doc = concat!("`", $number, "` ", $cause_en)]
                $variant = $number,
            )+
        }

        impl Code {
            /// All codes, from 0 downward.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// A word for it that stays the same.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What happened.
            pub fn cause(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $(
                        (Self::$variant, Lang::En) => $cause_en,
                        (Self::$variant, Lang::Zh) => $cause_zh,
                    )+
                }
            }

            /// What to do now.
            pub fn next_step(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $(
                        (Self::$variant, Lang::En) => $next_en,
                        (Self::$variant, Lang::Zh) => $next_zh,
                    )+
                }
            }
        }
    };
}

codes! {
    Ok = 0, "ok",
        "Done.", "Nothing to do.",
        "成功。", "无需处理。";
    BadParameter = -2000, "bad_parameter",
        "A parameter is missing or wrong.", "Correct the part the message names and send it again.",
        "参数缺失或错误。", "改正提示中指出的部分后重试。";
    BadXp2pInfo = -2001, "bad_xp2p_info",
        "The camera's xp2pInfo cannot be read.", "Fetch it again, or add the camera anew with a fresh link.",
        "无法解析摄像机的 xp2pInfo。", "重新获取，或用新的链接重新添加摄像机。";
    NotInitialised = -2002, "not_initialised",
        "The P2P module is not started yet.", "Wait until the app has started, then try again.",
        "P2P 模块尚未初始化。", "等待应用启动完成后重试。";
    AlreadyInitialised = -2003, "already_initialised",
        "The P2P module was started a second time.", "Use the one that runs; start it only once.",
        "P2P 模块重复启动。", "使用已启动的模块，只需启动一次。";
    UnsupportedOperation = -2004, "unsupported_operation",
        "The camera or this version cannot do this.", "Use another function, or update both ends.",
        "不支持的操作。", "换用其他功能，或升级两端软件。";
    DeviceTooOld = -2005, "device_too_old",
        "The camera's firmware is too old.", "Update the camera's firmware.",
        "摄像机固件版本过低。", "升级摄像机固件。";
    XntpAlreadyStarted = -2201, "xntp_already_started",
        "The transport was started a second time.", "Close the app's other window or process, then try again.",
        "XNTP 传输模块重复启动。", "关闭应用的其他窗口或进程后重试。";
    ProbeFailed = -2202, "probe_failed",
        "It could not be found out how this network is seen from outside.", "Check the network; a relay in Settings helps where UDP is blocked.",
        "网络探测失败。", "检查网络；若 UDP 被屏蔽，请在设置中配置中继。";
    LocalServerFailed = -2301, "local_server_failed",
        "The local gateway could not be opened.", "Free its port or switch the gateway off and on in Settings.",
        "本地服务启动失败。", "释放被占用的端口，或在设置中重新开启网关。";
    ServiceAlreadyRunning = -2401, "service_already_running",
        "There is a connection to this camera already.", "Use it, or stop it before starting another.",
        "该摄像机的 P2P 服务已在运行。", "使用现有连接，或先停止再启动。";
    StreamStartFailed = -2402, "stream_start_failed",
        "The stream could not be started.", "Check that the camera is on and not full, then try again.",
        "启动拉流失败。", "确认摄像机在线且观看人数未满后重试。";
    ServiceNotStarted = -2403, "service_not_started",
        "There is no connection to this camera.", "Connect first; check that the camera is on and online.",
        "P2P 服务尚未启动。", "先建立连接；确认摄像机已开机并在线。";
    P2pUnavailable = -2404, "p2p_unavailable",
        "P2P cannot be used in this environment.", "Allow the app to use the network (UDP), or choose a relay.",
        "当前环境不支持 P2P 服务。", "允许应用使用网络（UDP），或选择中继。";
    EncryptFailed = -2501, "encrypt_failed",
        "Data could not be encrypted.", "Connect again; if it stays, add the camera anew.",
        "数据加密失败。", "重新连接；若仍失败，请重新添加摄像机。";
    DecryptFailed = -2502, "decrypt_failed",
        "Data could not be decrypted.", "Connect again; if it stays, add the camera anew.",
        "数据解密失败。", "重新连接；若仍失败，请重新添加摄像机。";
    TalkbackStartFailed = -2601, "talkback_start_failed",
        "Talking could not be started.", "Allow the microphone, and wait until nobody else talks to the camera.",
        "启动语音对讲失败。", "允许使用麦克风，并等待他人结束对讲。";
    DownloadFailed = -2701, "download_failed",
        "The file could not be downloaded.", "Try again: it goes on where it stopped; check that the file still exists.",
        "文件下载失败。", "重试即可续传；确认文件仍然存在。";
    ViewerSwitchFailed = -2801, "viewer_switch_failed",
        "The camera's state could not be asked when switching to a shared stream.", "Try again; if it stays, watch directly.",
        "1v1 转 1vN 时查询设备状态失败。", "重试；若仍失败，请直接观看。";
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The code of that number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_documents_and_names_are_unique() {
        let numbers: Vec<i32> = Code::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(
            numbers,
            [
                0, -2000, -2001, -2002, -2003, -2004, -2005, -2201, -2202, -2301, -2401, -2402,
                -2403, -2404, -2501, -2502, -2601, -2701, -2801
            ]
        );
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(*code));
            assert_eq!(
                Code::ALL
                    .iter()
                    .filter(|other| other.name() == code.name())
                    .count(),
                1
            );
        }
        assert_eq!(Code::from_number(-1), None);
    }

    #[test]
    fn every_code_has_a_cause_and_a_next_step_in_both_languages() {
        for code in Code::ALL {
            assert!(code.cause(Lang::En).is_ascii() && code.next_step(Lang::En).is_ascii());
            assert!(
                code.cause(Lang::Zh).ends_with('。') && code.next_step(Lang::Zh).ends_with('。')
            );
        }
    }
}
