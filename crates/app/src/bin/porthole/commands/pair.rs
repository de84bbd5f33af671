//! `porthole pair`: a new camera through its own hotspot, by a code shown to it (`--show-code`), or where it is on the network
//! (`--on-network`).

use super::nearby;
use crate::cli::{CodeForm, Pair};
use crate::out::Out;
use app::App;
use app::api::{
    ByHand, Call, CameraKey, Event, Failure, FailureCode, HubChoice, Pairing, PairingRequest,
    PairingState, PairingStep, PairingWay, RadioState, Reply, Secret, WifiLogin,
};
use serde_json::json;
use std::io::BufRead;
use tokio::sync::broadcast::error::RecvError;

/// Pairs, and says at every step how far it is. Ctrl-C stops it and waits until this machine's network is back.
pub(crate) async fn run(app: &App, out: &Out, typed: Pair) -> Result<(), Failure> {
    if let Some(invitation) = &typed.hub {
        let mut settings = app.core().book.settings();
        settings.hub = HubChoice::External {
            invitation: Secret::new(invitation),
        };
        app.call(Call::SetSettings { settings }, None).await?;
    }
    let form = typed.show_code.unwrap_or(CodeForm::Json);
    let request = request(app, typed).await?;
    let mut events = app.events();
    app.call(Call::StartPairing { request }, None).await?;
    let mut told = Told::default();
    let end = super::end(None);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = &mut end, if !told.stopping => {
                told.stopping = true;
                app.call(Call::StopPairing, None).await?;
                continue;
            }
        };
        let pairing = match event {
            Ok(Event::Pairing { pairing }) => pairing,
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return Err(app::fail::internal("the core has gone")),
        };
        if told.tell(out, &pairing) && pairing.step == PairingStep::ShowCode {
            show_code(app, out, form).await?;
        }
        if pairing.restoring {
            continue;
        }
        return match &pairing.state {
            PairingState::Running { .. } => continue,
            PairingState::Done { camera } => done(app, out, camera, &pairing),
            PairingState::Stopped => Err(Failure::new(FailureCode::PairingStopped)),
            PairingState::Failed { failure } => {
                if pairing.has_log {
                    save_log(app, out).await;
                }
                Err(failure.clone())
            }
        };
    }
}

fn done(app: &App, out: &Out, camera: &CameraKey, pairing: &Pairing) -> Result<(), Failure> {
    let camera = app.cameras().camera(camera)?;
    let people = format!("{}: {}", out.say("Paired", "已配对"), camera.key);
    let json = json!({ "camera": camera, "elapsedMs": pairing.elapsed_ms, "steps": pairing.steps });
    out.data(&json, &people);
    Ok(())
}

async fn save_log(app: &App, out: &Out) {
    if let Ok(Reply::File { path, .. }) = app.call(Call::SavePairingLog, None).await {
        let people = format!("{}: {path}", out.say("The camera's log", "摄像机日志"));
        out.figures(&json!({ "log": path }), &people);
    }
}

/// Prints the code, dark on light: terminals are mostly dark, and a lens wants the contrast and the quiet zone.
async fn show_code(app: &App, out: &Out, form: CodeForm) -> Result<(), Failure> {
    let Reply::PairingCode { code, short } = app.call(Call::PairingCode, None).await? else {
        return Err(app::fail::internal("a code was asked for"));
    };
    let code = match form {
        CodeForm::Json => code,
        CodeForm::Text => short.ok_or_else(|| {
            Failure::new(FailureCode::WifiInputInvalid)
                .with("part", "--ssid")
                .with("expected", "text, for --show-code=text")
        })?,
    };
    let text = code.text.expose();
    let drawn = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L)
        .map_err(app::fail::internal)?
        .render::<qrcode::render::unicode::Dense1x2>()
        .dark_color(qrcode::render::unicode::Dense1x2::Light)
        .light_color(qrcode::render::unicode::Dense1x2::Dark)
        .build();
    let say = out.say(
        "Hold this in front of the camera, 20 to 40 cm away:",
        "请将此二维码置于摄像机前 20 至 40 厘米处：",
    );
    out.figures(&json!({ "code": text }), &format!("{say}\n{drawn}"));
    Ok(())
}

/// What was typed, read from the label, from standard input, from the air and from the network.
async fn request(app: &App, typed: Pair) -> Result<PairingRequest, Failure> {
    if let Some(wanted) = &typed.on_network {
        let found = nearby::find(app, wanted).await?;
        return Ok(PairingRequest {
            way: PairingWay::OnNetwork {
                address: found.address,
            },
            camera: found.key,
            name: typed.name.or(found.name),
            room: typed.room,
        });
    }
    let mut lines = std::io::stdin().lock().lines();
    let mut secret = |wanted: bool| -> Option<Secret> {
        let line = wanted.then(|| lines.next())??.ok()?;
        Some(Secret::new(line.trim_end_matches('\r')))
    };
    let network = WifiLogin {
        ssid: typed.ssid.clone().unwrap_or_default(),
        passphrase: secret(typed.password_stdin),
        hidden: typed.hidden,
    };
    let hotspot_passphrase = secret(typed.hotspot_password_stdin);
    drop(lines);
    let (way, camera) = match typed.show_code {
        Some(_) => (PairingWay::Code { network }, None),
        None => {
            let (hotspot, camera) =
                hotspot(app, typed.label, typed.hotspot, hotspot_passphrase).await?;
            (PairingWay::Hotspot { hotspot, network }, camera)
        }
    };
    Ok(PairingRequest {
        way,
        camera,
        name: typed.name,
        room: typed.room,
    })
}

/// The camera's hotspot, and the camera's key if its label says it.
async fn hotspot(
    app: &App,
    label: Option<String>,
    ssid: Option<String>,
    passphrase: Option<Secret>,
) -> Result<(WifiLogin, Option<String>), Failure> {
    if let Some(label) = label {
        let label = Secret::new(label);
        return match app.call(Call::ReadLabel { label }, None).await? {
            Reply::Label {
                hotspot, camera, ..
            } => Ok((hotspot, camera)),
            other => Err(app::fail::internal(format!("{other:?}"))),
        };
    }
    let ssid = match ssid {
        Some(ssid) => ssid,
        None => only_camera(app).await?,
    };
    let hotspot = WifiLogin {
        ssid,
        passphrase,
        hidden: false,
    };
    Ok((hotspot, None))
}

/// The hotspot of the one camera in range.
async fn only_camera(app: &App) -> Result<String, Failure> {
    let Reply::Wifi {
        networks, radio, ..
    } = app.call(Call::ScanWifi, None).await?
    else {
        return Err(app::fail::internal("a scan gives networks"));
    };
    // A radio that does not look has seen nothing: that is no word about the camera.
    if let RadioState::ByHand { failure } = radio {
        return Err(failure);
    }
    let mut cameras = networks.into_iter().filter(|network| network.camera);
    match (cameras.next(), cameras.next()) {
        (Some(one), None) => Ok(one.ssid),
        (None, _) => Err(Failure::new(FailureCode::HotspotNotFound).with("hotspot", "Porthole-…")),
        (Some(_), Some(_)) => Err(Failure::new(FailureCode::WifiInputInvalid)
            .with("part", "--hotspot")
            .with(
                "expected",
                "one of the cameras that `porthole wifi scan` lists",
            )),
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    step: Option<PairingStep>,
    by_hand: bool,
    ended: bool,
    stopping: bool,
}

impl Told {
    /// Says what is new; whether a step has begun.
    fn tell(&mut self, out: &Out, pairing: &Pairing) -> bool {
        let seconds = pairing.elapsed_ms as f64 / 1000.0;
        let begun = self.step != Some(pairing.step);
        if begun {
            self.step = Some(pairing.step);
            let json = json!({ "step": pairing.step, "elapsedMs": pairing.elapsed_ms });
            out.figures(
                &json,
                &format!("{seconds:6.1} s  {}", words(out, pairing.step)),
            );
        }
        match &pairing.state {
            PairingState::Running { by_hand } => {
                if let Some(by_hand) = by_hand.as_ref().filter(|_| !self.by_hand) {
                    let json = json!({ "byHand": by_hand, "elapsedMs": pairing.elapsed_ms });
                    out.figures(&json, &format!("{seconds:6.1} s  {}", ask(out, by_hand)));
                }
                self.by_hand = by_hand.is_some();
            }
            state if !self.ended => {
                self.ended = true;
                if let PairingState::Failed { failure } = state {
                    let json = json!({ "failed": failure.code, "elapsedMs": pairing.elapsed_ms });
                    let title = out.title(failure);
                    out.figures(&json, &format!("{seconds:6.1} s  {title}"));
                }
            }
            _ => {}
        }
        begun
    }
}

fn ask(out: &Out, by_hand: &ByHand) -> String {
    match by_hand {
        ByHand::JoinHotspot { ssid, .. } => format!(
            "{} {ssid}",
            out.say(
                "Join this network by hand, this goes on by itself:",
                "请手动加入此网络，之后会自动继续："
            )
        ),
        ByHand::RejoinHome { ssid, .. } => format!(
            "{} {}",
            out.say(
                "Go back to your own network by hand:",
                "请手动回到自己的网络："
            ),
            ssid.as_deref().unwrap_or_default()
        ),
    }
}

fn words<'a>(out: &Out, step: PairingStep) -> &'a str {
    match step {
        PairingStep::Token => out.say("Asking the hub for a token", "向中枢申请令牌"),
        PairingStep::JoinHotspot => out.say("Joining the camera's hotspot", "加入摄像机热点"),
        PairingStep::FindCamera => out.say("Looking for the camera", "查找摄像机"),
        PairingStep::ShowCode => out.say("Showing the code to the camera", "向摄像机展示二维码"),
        PairingStep::SendCredentials => out.say("Telling the camera", "向摄像机发送信息"),
        PairingStep::CameraJoins => out.say("The camera joins the network", "摄像机正在加入网络"),
        PairingStep::RejoinHome => out.say("Going back to the own network", "回到原来的网络"),
        PairingStep::WaitForCamera => out.say("Waiting for the camera", "等待摄像机"),
        PairingStep::Bind => out.say("Becoming the camera's owner", "绑定摄像机"),
        PairingStep::FirstPicture => out.say("Waiting for the first picture", "等待第一帧画面"),
    }
}
