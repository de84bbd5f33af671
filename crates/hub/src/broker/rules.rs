//! Which topics belong to a device. Documents: thing model topics; `$sys/operation` carries the server's time.
//!
//! Filters are refused rather than narrowed: a device that asks for more than its own hears so (SUBACK 0x80).

use super::Device;

/// The four classes of the thing model.
const CLASSES: [&str; 4] = ["property", "event", "action", "service"];

/// The parts of a topic that a device owns: what stands before its two names.
struct Own<'a> {
    head: &'a str,
}

/// Cuts `/{product}/{device}` off the end; `None` when the topic does not end with this device's names.
fn own<'a>(device: &Device, topic: &'a str) -> Option<Own<'a>> {
    let head = topic
        .strip_suffix(device.device_name.as_str())?
        .strip_suffix('/')?
        .strip_suffix(device.product_id.as_str())?
        .strip_suffix('/')?;
    Some(Own { head })
}

/// `$thing/up/{property|event|action|service}/{product}/{device}` and `$sys/operation/{product}/{device}`, its own only.
#[must_use]
pub fn may_publish(device: &Device, topic: &str) -> bool {
    let Some(Own { head }) = own(device, topic) else {
        return false;
    };
    head == "$sys/operation"
        || head
            .strip_prefix("$thing/up/")
            .is_some_and(|class| CLASSES.contains(&class))
}

/// `$thing/down/{property|event|action|service|+}/{product}/{device}` and `$sys/operation/result/{product}/{device}`,
/// its own only. `+` may stand for the class alone: it reaches nothing that is not this device's.
#[must_use]
pub fn may_subscribe(device: &Device, filter: &str) -> bool {
    let Some(Own { head }) = own(device, filter) else {
        return false;
    };
    head == "$sys/operation/result"
        || head
            .strip_prefix("$thing/down/")
            .is_some_and(|class| class == "+" || CLASSES.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cam() -> Device {
        Device::new("ABCDE12345", "cam_01").unwrap()
    }

    #[test]
    fn a_device_speaks_on_its_own_up_topics() {
        for class in CLASSES {
            let topic = format!("$thing/up/{class}/ABCDE12345/cam_01");
            assert!(may_publish(&cam(), &topic), "{topic}");
        }
        assert!(may_publish(&cam(), "$sys/operation/ABCDE12345/cam_01"));
    }

    #[test]
    fn a_device_hears_its_own_down_topics() {
        for class in CLASSES.into_iter().chain(["+"]) {
            let filter = format!("$thing/down/{class}/ABCDE12345/cam_01");
            assert!(may_subscribe(&cam(), &filter), "{filter}");
        }
        assert!(may_subscribe(
            &cam(),
            "$sys/operation/result/ABCDE12345/cam_01"
        ));
    }

    #[test]
    fn nobody_speaks_for_another() {
        for topic in [
            "$thing/up/property/ABCDE12345/cam_02",
            "$thing/up/property/ABCDE12346/cam_01",
            "$thing/up/property/ABCDE12345/xcam_01",
            "$thing/up/property/XABCDE12345/cam_01",
            "$thing/down/property/ABCDE12345/cam_01",
            "$thing/down/property/ABCDE12345/cam_02",
            "$thing/up/other/ABCDE12345/cam_01",
            "$thing/up//ABCDE12345/cam_01",
            "$thing/up/property/x/ABCDE12345/cam_01",
            "$thing/up/property/ABCDE12345/cam_01/",
            "/$thing/up/property/ABCDE12345/cam_01",
            "thing/up/property/ABCDE12345/cam_01",
            "$sys/operation/ABCDE12345/cam_02",
            "$sys/operation/result/ABCDE12345/cam_01",
            "ABCDE12345/cam_01",
            "/ABCDE12345/cam_01",
            "cam_01",
            "",
        ] {
            assert!(!may_publish(&cam(), topic), "{topic}");
        }
    }

    #[test]
    fn nobody_listens_to_another() {
        for filter in [
            "#",
            "+/+/+/+/+",
            "$thing/#",
            "$thing/down/#",
            "$thing/+/+/+/+",
            "$thing/+/property/ABCDE12345/cam_01",
            "$thing/up/property/ABCDE12345/cam_01",
            "$thing/up/+/ABCDE12345/cam_01",
            "$thing/down/+/ABCDE12345/cam_02",
            "$thing/down/+/ABCDE12345/+",
            "$thing/down/+/+/cam_01",
            "$thing/down/+/ABCDE12345/#",
            "$thing/down/property/ABCDE12345/cam_01/#",
            "$thing/down/property+/ABCDE12345/cam_01",
            "$share/g/$thing/down/property/ABCDE12345/cam_01",
            "$limit/1/$thing/down/property/ABCDE12345/cam_01",
            "$exclusive/$thing/down/property/ABCDE12345/cam_01",
            "$SYS/#",
            "$sys/operation/result/ABCDE12345/cam_02",
            "$sys/operation/+/ABCDE12345/cam_01",
            "",
        ] {
            assert!(!may_subscribe(&cam(), filter), "{filter}");
        }
    }
}
