use super::*;
use wire::device::Device;
use wire::hub::Pin;

const SECOND: Duration = Duration::from_secs(1);

/// A machine, a clock that only moves when told, and everything that was to be done.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn new(rules: Rules, saved: Saved, bound: bool) -> Self {
        let now = Instant::now();
        Self {
            machine: Machine::new(rules, saved, bound, || 0, now),
            now,
        }
    }

    /// Fresh from its box, with a radio, open until somebody owns it.
    fn fresh() -> Self {
        let mut bench = Self::new(rules(), Saved::default(), false);
        assert_eq!(
            bench.done(),
            [Action::Light(Light::Fast), Action::Leave, Action::Open]
        );
        bench.input(Input::Opened);
        assert_eq!(bench.done(), []);
        assert_eq!(bench.machine.phase(), Phase::Open);
        bench
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(self.now, input);
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.machine.timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.machine.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn done(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    /// Goes all the way to an accepted token.
    fn accepted(&mut self) {
        self.input(Input::Asked(ask(Some(network("Home")))));
        self.input(Input::Joined { hidden: false });
        self.input(Input::Enrolled(account()));
    }
}

fn rules() -> Rules {
    Rules {
        radio: true,
        open_when_unbound: true,
        hub: None,
    }
}

fn network(ssid: &str) -> Network {
    Network {
        ssid: ssid.parse().unwrap(),
        passphrase: Some("abcd1234".parse().unwrap()),
        bssid: None,
        hidden: false,
    }
}

fn hub() -> HubAddress {
    HubAddress {
        host: "192.0.2.1".into(),
        mqtt_port: 8883,
        http_port: 8443,
        pin: Pin([1; 32]),
    }
}

fn account() -> Account {
    Account {
        hub: hub(),
        device: Device::new("PORTHOLE01", "cam_01").unwrap(),
        secret: "c2VjcmV0".parse().unwrap(),
    }
}

fn token() -> Token {
    Token::from_bytes([3; 16])
}

fn ask(network: Option<Network>) -> Ask {
    Ask {
        network,
        token: token(),
        hub: Some(hub()),
    }
}

fn saved(expects_owner: bool) -> Saved {
    Saved {
        network: Some(network("Home")),
        account: Some(account()),
        expects_owner,
    }
}

fn join(ssid: &str, attempt: bool) -> Action {
    Action::Join {
        network: network(ssid),
        attempt,
    }
}

fn enrol() -> Action {
    Action::Enrol {
        hub: hub(),
        token: token(),
    }
}

#[test]
fn a_fresh_camera_goes_from_its_hotspot_to_its_owner() {
    let mut bench = Bench::fresh();
    bench.input(Input::Asked(ask(Some(network("Home")))));
    let joining = [
        Action::Tell(Progress::Joining),
        join("Home", true),
        Action::Light(Light::Slow),
    ];
    assert_eq!(bench.done(), joining);
    bench.input(Input::Joined { hidden: false });
    assert_eq!(bench.done(), [Action::Tell(Progress::Registering), enrol()]);
    bench.input(Input::Enrolled(account()));
    // The hub's word, and nothing before it, is what makes the camera remember.
    let accepted = [
        Action::Save(saved(true)),
        Action::Tell(Progress::Bound),
        Action::Serve,
    ];
    assert_eq!(bench.done(), accepted);
    bench.input(Input::Bound);
    assert_eq!(
        bench.done(),
        [Action::Save(saved(false)), Action::Light(Light::On)]
    );
    bench.wait(HOTSPOT_LINGER);
    assert_eq!(bench.done(), [Action::Close]);
    bench.wait(1_000 * SECOND);
    assert_eq!(bench.done(), []);
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn every_failure_brings_the_hotspot_back_with_its_cause_and_the_next_try_works() {
    let failures: [(Vec<Input>, Cause); 6] = [
        (
            vec![Input::NotJoined(Cause::WrongPassword)],
            Cause::WrongPassword,
        ),
        (vec![Input::NotJoined(Cause::NoLease)], Cause::NoLease),
        (
            vec![
                Input::Joined { hidden: false },
                Input::NotEnrolled(Cause::HubUnreachable),
            ],
            Cause::HubUnreachable,
        ),
        (
            vec![
                Input::Joined { hidden: false },
                Input::NotEnrolled(Cause::TokenRefused(410)),
            ],
            Cause::TokenRefused(410),
        ),
        (
            vec![Input::Joined { hidden: false }, Input::Lost],
            Cause::NetworkLost(0),
        ),
        (vec![Input::SessionOver], Cause::Timeout),
    ];
    for (inputs, cause) in failures {
        let mut bench = Bench::fresh();
        bench.input(Input::Asked(ask(Some(network("Home")))));
        for input in inputs {
            bench.done();
            bench.input(input);
        }
        assert_eq!(
            bench.done(),
            [Action::Leave, Action::Open, Action::Light(Light::Error)],
            "{cause}"
        );
        bench.input(Input::Opened);
        assert_eq!(bench.done(), [Action::TellFailed(cause)]);
        assert_eq!(*bench.machine.saved(), Saved::default());
        bench.accepted();
        assert_eq!(*bench.machine.saved(), saved(true), "{cause}");
    }
}

#[test]
fn a_hotspot_that_does_not_open_is_tried_for_ever() {
    let mut bench = Bench::new(rules(), Saved::default(), false);
    bench.done();
    let mut tries = 0;
    for _ in 0..600 {
        if bench.done().contains(&Action::Open) || tries == 0 {
            tries += 1;
            bench.input(Input::NotOpened(Cause::HotspotFailed(1)));
        }
        bench.wait(SECOND);
    }
    // 1, 2, 4, 8, 16, 30, 30, …
    assert!((20..=30).contains(&tries), "{tries}");
}

#[test]
fn a_bound_camera_comes_back_for_ever_and_never_opens() {
    let mut bench = Bench::new(rules(), saved(false), true);
    let away = [
        Action::Light(Light::Slow),
        Action::Leave,
        join("Home", false),
    ];
    assert_eq!(bench.done(), away);
    let mut tries = 1;
    for _ in 0..3_600 {
        let done = bench.done();
        assert!(!done.contains(&Action::Open));
        if done.contains(&join("Home", false)) || tries == 1 {
            tries += 1;
            bench.input(Input::NotJoined(Cause::NetworkNotFound));
        }
        bench.wait(SECOND);
    }
    // Doubling to a minute, an hour long.
    assert!((60..=70).contains(&tries), "{tries}");
    bench.wait(60 * SECOND);
    bench.done();
    bench.input(Input::Joined { hidden: false });
    assert_eq!(bench.done(), [Action::Serve, Action::Light(Light::On)]);
    bench.input(Input::Lost);
    assert_eq!(
        bench.done(),
        [
            Action::Leave,
            join("Home", false),
            Action::Light(Light::Slow)
        ]
    );
    // The first wait is the shortest again.
    bench.input(Input::NotJoined(Cause::NetworkNotFound));
    bench.wait(SECOND);
    assert_eq!(bench.done(), [Action::Leave, join("Home", false)]);
}

#[test]
fn a_failed_attempt_leaves_the_network_and_the_owner_of_before() {
    let mut bench = Bench::new(rules(), saved(false), true);
    bench.input(Input::Joined { hidden: false });
    bench.input(Input::Pressed);
    bench.input(Input::Opened);
    bench.input(Input::Asked(ask(Some(network("New")))));
    bench.input(Input::NotJoined(Cause::WrongPassword));
    bench.input(Input::Opened);
    bench.done();
    assert_eq!(*bench.machine.saved(), saved(false));
    // Nobody tries again: it goes home by itself.
    bench.wait(SESSION);
    assert_eq!(
        bench.done(),
        [
            Action::Close,
            Action::Leave,
            join("Home", false),
            Action::Light(Light::Slow)
        ]
    );
}

#[test]
fn without_setup_only_the_button_opens_a_camera() {
    let rules = Rules {
        open_when_unbound: false,
        ..rules()
    };
    let mut bench = Bench::new(rules, Saved::default(), false);
    assert_eq!(bench.done(), [Action::Light(Light::Off)]);
    bench.input(Input::Asked(ask(Some(network("Home")))));
    assert_eq!(bench.done(), []);
    bench.input(Input::Pressed);
    assert_eq!(
        bench.done(),
        [Action::Leave, Action::Open, Action::Light(Light::Fast)]
    );
    bench.input(Input::Opened);
    bench.input(Input::Pressed);
    assert_eq!(bench.done(), [Action::Close, Action::Light(Light::Off)]);
}

#[test]
fn a_press_closes_also_what_opens_by_itself() {
    let mut bench = Bench::fresh();
    bench.input(Input::Pressed);
    assert_eq!(bench.done(), [Action::Close, Action::Light(Light::Off)]);
    bench.wait(1_000 * SECOND);
    assert_eq!(bench.done(), []);
    bench.input(Input::Pressed);
    assert_eq!(
        bench.done(),
        [Action::Leave, Action::Open, Action::Light(Light::Fast)]
    );
}

#[test]
fn a_token_alone_is_enough_on_a_known_network_and_not_without() {
    let mut bench = Bench::fresh();
    bench.input(Input::Asked(ask(None)));
    assert_eq!(
        bench.done(),
        [
            Action::TellFailed(Cause::MissingField),
            Action::Light(Light::Error)
        ]
    );
    let mut bench = Bench::new(rules(), saved(false), false);
    bench.input(Input::Opened);
    bench.done();
    bench.input(Input::Asked(ask(None)));
    assert!(bench.done().contains(&join("Home", true)));
}

#[test]
fn a_camera_without_radio_takes_tokens_from_the_network() {
    let rules = Rules {
        radio: false,
        ..rules()
    };
    let mut bench = Bench::new(rules, Saved::default(), false);
    bench.input(Input::Opened);
    bench.done();
    bench.input(Input::Asked(ask(None)));
    assert_eq!(
        bench.done(),
        [
            Action::Tell(Progress::Registering),
            enrol(),
            Action::Light(Light::Slow)
        ]
    );
    bench.input(Input::NotEnrolled(Cause::HubNotTrusted));
    assert_eq!(
        bench.done(),
        [
            Action::Leave,
            Action::TellFailed(Cause::HubNotTrusted),
            Action::Light(Light::Error)
        ]
    );
    bench.input(Input::Asked(ask(None)));
    bench.input(Input::Enrolled(account()));
    bench.input(Input::Bound);
    assert_eq!(bench.machine.saved().account, Some(account()));
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn a_request_without_hub_goes_to_the_one_that_is_known() {
    let mut request = ask(Some(network("Home")));
    request.hub = None;
    let mut bench = Bench::fresh();
    bench.input(Input::Asked(request.clone()));
    assert!(
        bench
            .done()
            .contains(&Action::TellFailed(Cause::HubUnreachable))
    );
    let rules = Rules {
        hub: Some(hub()),
        ..rules()
    };
    let mut bench = Bench::new(rules, Saved::default(), false);
    bench.input(Input::Opened);
    bench.input(Input::Asked(request));
    bench.input(Input::Joined { hidden: true });
    assert!(bench.done().contains(&enrol()));
    bench.input(Input::Enrolled(account()));
    assert!(bench.machine.saved().network.as_ref().unwrap().hidden);
}

#[test]
fn an_owner_that_does_not_come_opens_the_hotspot_again() {
    let mut bench = Bench::fresh();
    bench.accepted();
    bench.done();
    bench.wait(BIND_WAIT - SECOND);
    assert_eq!(bench.done(), [Action::Close]);
    bench.wait(SECOND);
    assert_eq!(
        bench.done(),
        [Action::Leave, Action::Open, Action::Light(Light::Fast)]
    );
    // After a restart in that time it waits at its hub.
    let mut bench = Bench::new(rules(), saved(true), false);
    assert!(bench.done().contains(&join("Home", false)));
}

#[test]
fn a_camera_whose_owner_left_opens_soon() {
    let mut bench = Bench::new(rules(), saved(false), true);
    bench.input(Input::Joined { hidden: false });
    bench.done();
    bench.input(Input::Unbound);
    assert_eq!(bench.done(), [Action::Light(Light::Slow)]);
    bench.wait(UNBIND_LINGER);
    assert_eq!(
        bench.done(),
        [Action::Leave, Action::Open, Action::Light(Light::Fast)]
    );
}

#[test]
fn what_comes_too_late_is_dropped() {
    let mut bench = Bench::fresh();
    for input in [
        Input::Joined { hidden: false },
        Input::NotJoined(Cause::NoLease),
        Input::Enrolled(account()),
        Input::NotEnrolled(Cause::HubUnreachable),
        Input::Lost,
        Input::SessionOver,
        Input::NotOpened(Cause::HotspotFailed(1)),
        Input::Opened,
    ] {
        bench.input(input.clone());
        assert_eq!(bench.done(), [], "{input:?}");
        assert_eq!(bench.machine.phase(), Phase::Open);
    }
}
