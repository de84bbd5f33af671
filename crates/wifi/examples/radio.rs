//! A radio by hand: `cargo run -p wifi --example radio -- CHOICE COMMAND`, see `USAGE`.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use wifi::{AccessPoint, Passphrase, Radio, Target};

const USAGE: &str = "radio CHOICE COMMAND...
  CHOICE   auto | nm[:IFACE] | wpa:IFACE[:CTRL_DIR] | sim:DIR[:NAME]
  commands, one after the other on the same radio:
    scan | current | leave | stop | remember | restore
    join=SSID | keep=SSID | hidden=SSID     60 s limit
    drop=SSID                               joins and gives up after a second
    ap=SSID                                 192.168.4.1
    wait=SECONDS
  The passphrase is the first line of standard input; an empty line means an open network.";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((choice, commands)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let passphrase = read.ok().and_then(|_| line.trim_end().parse().ok());
    let is_good = match run(choice, commands, passphrase).await {
        Ok(is_good) => is_good,
        Err(error) => {
            println!("{error}");
            false
        }
    };
    std::process::exit(i32::from(!is_good));
}

type Failure = Box<dyn std::error::Error>;

async fn run(
    choice: &str,
    commands: &[String],
    passphrase: Option<Passphrase>,
) -> Result<bool, Failure> {
    let radio = wifi::open(&choice.parse()?).await?;
    println!("{:?}", radio.capabilities());
    let mut before = None;
    let mut is_good = true;
    for command in commands {
        let (verb, value) = command.split_once('=').unwrap_or((command, ""));
        let start = Instant::now();
        let outcome = match verb {
            "remember" => radio.remember().await.map(|notes| {
                before = Some(notes);
                String::new()
            }),
            "restore" => match before.take() {
                Some(before) => radio.restore(before).await.map(|()| String::new()),
                None => Ok("nothing remembered".to_owned()),
            },
            "scan" => radio.scan().await.map(|networks| {
                let lines = networks.iter().map(|network| format!("\n  {network:?}"));
                lines.collect()
            }),
            _ => act(&*radio, verb, value, passphrase.clone()).await?,
        };
        is_good &= outcome.is_ok();
        let text = outcome.unwrap_or_else(|error| format!("FAILED {error:?}: {error}"));
        println!("{command} {:.2} s {text}", start.elapsed().as_secs_f64());
        std::io::stdout().flush()?;
    }
    Ok(is_good)
}

async fn act(
    radio: &dyn Radio,
    verb: &str,
    value: &str,
    passphrase: Option<Passphrase>,
) -> Result<Result<String, wifi::Error>, Failure> {
    const LIMIT: Duration = Duration::from_secs(60);
    let shown = |joined| format!("{joined:?}");
    Ok(match verb {
        "current" => radio.current().await.map(shown),
        "leave" => radio.leave().await.map(|()| String::new()),
        "stop" => radio.stop_access_point().await.map(|()| String::new()),
        "join" | "keep" | "hidden" => {
            let mut target = Target::new(value.parse()?, passphrase);
            target.keep = verb == "keep";
            target.hidden = verb == "hidden";
            radio
                .join(&target, LIMIT)
                .await
                .map(|joined| shown(Some(joined)))
        }
        "drop" => {
            let target = Target::new(value.parse()?, passphrase);
            let joining = radio.join(&target, LIMIT);
            match tokio::time::timeout(Duration::from_secs(1), joining).await {
                Ok(outcome) => outcome.map(|joined| shown(Some(joined))),
                Err(_) => Ok("given up".to_owned()),
            }
        }
        "ap" => {
            let access_point = AccessPoint {
                ssid: value.parse()?,
                passphrase,
                channel: None,
                address: std::net::Ipv4Addr::new(192, 168, 4, 1),
            };
            let running = radio.start_access_point(&access_point).await;
            running.map(|running| format!("{running:?}"))
        }
        "wait" => {
            tokio::time::sleep(Duration::from_secs_f64(value.parse()?)).await;
            Ok(String::new())
        }
        _ => return Err(USAGE.into()),
    })
}
