//! A network interface's address and default route, through the kernel's classic calls: a small board may have no `ip`.
//!
//! Setting anything needs `CAP_NET_ADMIN`; reading needs nothing.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::Path;

/// An address in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) address: Ipv4Addr,
    /// 0..=32.
    pub(crate) prefix: u8,
}

impl Address {
    fn mask(self) -> Ipv4Addr {
        let host_bits = 32 - u32::from(self.prefix.min(32));
        Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
    }
}

/// The length of a netmask.
pub(crate) fn prefix(mask: Ipv4Addr) -> Option<u8> {
    let ones = mask.to_bits().leading_ones();
    (ones == mask.to_bits().count_ones()).then(|| u8::try_from(ones).ok())?
}

/// Gives the interface this address instead of any other and brings it up.
pub(crate) fn set_address(interface: &str, address: Address) -> io::Result<()> {
    let mut request = request(interface)?;
    request.ifr_ifru.ifru_addr = socket_address(address.address);
    control(libc::SIOCSIFADDR, &mut request)?;
    request.ifr_ifru.ifru_netmask = socket_address(address.mask());
    control(libc::SIOCSIFNETMASK, &mut request)?;
    request.ifr_ifru.ifru_flags = 0;
    control(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: SIOCGIFFLAGS has just filled this member.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    control(libc::SIOCSIFFLAGS, &mut request)
}

/// Takes the interface's address away, and with it its routes.
pub(crate) fn clear_address(interface: &str) -> io::Result<()> {
    let mut request = request(interface)?;
    request.ifr_ifru.ifru_addr = socket_address(Ipv4Addr::UNSPECIFIED);
    control(libc::SIOCSIFADDR, &mut request)
}

/// The interface's address; `None` while it has none.
pub(crate) fn address(interface: &str) -> io::Result<Option<Address>> {
    let mut request = request(interface)?;
    match control(libc::SIOCGIFADDR, &mut request) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => return Ok(None),
        Err(error) => return Err(error),
    }
    // SAFETY: SIOCGIFADDR has just filled this member.
    let address = ip(unsafe { request.ifr_ifru.ifru_addr });
    control(libc::SIOCGIFNETMASK, &mut request)?;
    // SAFETY: SIOCGIFNETMASK has just filled this member.
    let mask = ip(unsafe { request.ifr_ifru.ifru_netmask });
    Ok(prefix(mask).map(|prefix| Address { address, prefix }))
}

/// Sends what is for elsewhere through `gateway`. A greater `metric` is a worse route.
pub(crate) fn add_gateway(interface: &str, gateway: Ipv4Addr, metric: u16) -> io::Result<()> {
    let name = std::ffi::CString::new(interface).map_err(io::Error::other)?;
    let everywhere = socket_address(Ipv4Addr::UNSPECIFIED);
    let route = Route {
        padding_1: 0,
        destination: everywhere,
        gateway: socket_address(gateway),
        mask: everywhere,
        flags: libc::RTF_UP | libc::RTF_GATEWAY,
        padding_2: 0,
        padding_3: 0,
        padding_4: std::ptr::null(),
        // The call counts from one.
        metric: metric.saturating_add(1).cast_signed(),
        interface: name.as_ptr(),
        mtu: 0,
        window: 0,
        round_trip: 0,
    };
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: `route` and the name it points to live until the call returns, and the kernel only reads them.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT as _, &raw const route) };
    match status {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // It is there already.
            error if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            error => Err(error),
        },
    }
}

/// The kernel's `rtentry` (`linux/route.h`), which the libc crate has not for every C library.
#[repr(C)]
struct Route {
    padding_1: libc::c_ulong,
    destination: libc::sockaddr,
    gateway: libc::sockaddr,
    mask: libc::sockaddr,
    flags: libc::c_ushort,
    padding_2: libc::c_short,
    padding_3: libc::c_ulong,
    padding_4: *const libc::c_void,
    metric: libc::c_short,
    interface: *const libc::c_char,
    mtu: libc::c_ulong,
    window: libc::c_ulong,
    round_trip: libc::c_ushort,
}

/// The interface's default gateway, from `/proc/net/route`.
pub(crate) fn gateway(interface: &str) -> Option<Ipv4Addr> {
    gateway_in(&std::fs::read_to_string("/proc/net/route").ok()?, interface)
}

/// Columns: interface, destination, gateway, …; addresses are hexadecimal in the machine's byte order.
fn gateway_in(table: &str, interface: &str) -> Option<Ipv4Addr> {
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let is_ours = columns.next()? == interface && columns.next()? == "00000000";
        let gateway = u32::from_str_radix(columns.next()?, 16).ok()?;
        (is_ours && gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

/// The names of the machine's Wi-Fi interfaces.
pub(crate) fn wireless() -> Vec<String> {
    wireless_in(Path::new("/sys/class/net"))
}

fn wireless_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let wireless = entries.filter(|entry| entry.path().join("phy80211").exists());
    let mut names: Vec<_> = wireless
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn request(interface: &str) -> io::Result<libc::ifreq> {
    // SAFETY: all-zero bytes are a valid `ifreq`: integers and addresses.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let fits = !interface.is_empty() && interface.len() < request.ifr_name.len();
    if !fits {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the name of an interface",
        ));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn control(call: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: every `SIOC?IF*` call used here reads and writes one `ifreq`, which lives until the call returns.
    match unsafe { libc::ioctl(socket.as_raw_fd(), call as _, std::ptr::from_mut(request)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: all-zero bytes are a valid `sockaddr`.
    let mut socket: libc::sockaddr = unsafe { std::mem::zeroed() };
    socket.sa_family = libc::AF_INET as libc::sa_family_t;
    // As in `sockaddr_in`: two bytes of port, four of address.
    for (to, from) in socket.sa_data[2..6].iter_mut().zip(address.octets()) {
        *to = from as libc::c_char;
    }
    socket
}

fn ip(socket: libc::sockaddr) -> Ipv4Addr {
    let [_, _, a, b, c, d, ..] = socket.sa_data.map(|byte| byte as u8);
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_and_its_mask_are_the_same() {
        for prefix_length in 0..=32 {
            let address = Address {
                address: Ipv4Addr::LOCALHOST,
                prefix: prefix_length,
            };
            assert_eq!(prefix(address.mask()), Some(prefix_length));
        }
        assert_eq!(prefix(Ipv4Addr::new(255, 0, 255, 0)), None);
    }

    #[test]
    fn the_loopback_interface_has_its_address() {
        let lo = address("lo").unwrap().unwrap();
        assert_eq!((lo.address, lo.prefix), (Ipv4Addr::LOCALHOST, 8));
        assert!(address("none-such").is_err());
        assert!(address("a-name-that-is-much-too-long").is_err());
        assert!(address("").is_err());
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_gateway_is_read_from_the_table() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
                     wlan0\t0004A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n\
                     eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n\
                     wlan0\t00000000\t0104A8C0\t0003\t0\t0\t600\t00000000\n";
        assert_eq!(
            gateway_in(table, "wlan0"),
            Some(Ipv4Addr::new(192, 168, 4, 1))
        );
        assert_eq!(gateway_in(table, "wlan1"), None);
    }

    #[test]
    fn wireless_interfaces_are_those_with_a_phy() {
        let folder = tempfile::tempdir().unwrap();
        for interface in ["eth0", "wlan1/phy80211", "wlan0/phy80211"] {
            std::fs::create_dir_all(folder.path().join(interface)).unwrap();
        }
        assert_eq!(wireless_in(folder.path()), ["wlan0", "wlan1"]);
    }
}
