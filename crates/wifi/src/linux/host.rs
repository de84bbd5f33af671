//! What is changed on this machine besides the radio: addresses, routes, a DHCP server.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::dhcp::client::{Lease, Program};
use super::dhcp::server::Server;
use super::interface::{self, Address};

/// The machine; tests have one that only takes notes.
pub(crate) trait Host: Send + Sync {
    /// The program that asks for addresses.
    fn dhcp_client(&self) -> Option<(PathBuf, Program)>;
    /// Gives the interface the lease's address and route. A greater `metric` is a worse route.
    fn settle(&self, interface: &str, lease: Lease, metric: u16) -> io::Result<()>;
    /// Takes the interface's address and routes away.
    fn unsettle(&self, interface: &str);
    /// The address and route that the interface has.
    fn settled(&self, interface: &str) -> Option<Lease>;
    /// Gives addresses of the /24 of `address`, which becomes the interface's, to guests.
    fn serve(&self, interface: &str, address: Ipv4Addr) -> io::Result<Option<Server>>;
}

/// This machine.
#[derive(Debug)]
pub(crate) struct Machine;

impl Host for Machine {
    fn dhcp_client(&self) -> Option<(PathBuf, Program)> {
        Program::find()
    }

    fn settle(&self, interface: &str, lease: Lease, metric: u16) -> io::Result<()> {
        if interface::address(interface)? != Some(lease.address) {
            interface::set_address(interface, lease.address)?;
        }
        match lease.gateway {
            Some(gateway) => interface::add_gateway(interface, gateway, metric),
            None => Ok(()),
        }
    }

    fn unsettle(&self, interface: &str) {
        let _ = interface::clear_address(interface);
    }

    fn settled(&self, interface: &str) -> Option<Lease> {
        Some(Lease {
            address: interface::address(interface).ok()??,
            gateway: interface::gateway(interface),
        })
    }

    fn serve(&self, interface: &str, address: Ipv4Addr) -> io::Result<Option<Server>> {
        interface::set_address(
            interface,
            Address {
                address,
                prefix: 24,
            },
        )?;
        Server::start(interface, address).map(Some)
    }
}
