//! What each command does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hub::{Device, Hub, Keeper};

use crate::cli::{self, Arguments, Command};

/// Carries out what was typed.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = arguments.settings.config()?;
    if let Command::Run = arguments.command {
        return serve(config).await;
    }
    let keeper = Keeper::open(&config).await?;
    let done = keep(&keeper, &config.dir, arguments.command).await;
    keeper.close().await;
    print!("{}", done?);
    Ok(())
}

async fn serve(config: hub::Config) -> anyhow::Result<()> {
    let hub = Hub::start(config).await?;
    println!("{}", hub.address().encode());
    end_signal()
        .await
        .context("waiting for the signal to end")?;
    tracing::info!("ending");
    hub.stop().await;
    Ok(())
}

/// Waits until the user or the supervisor wants the program to end.
async fn end_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Commands on the database; returns what to print.
async fn keep(keeper: &Keeper, dir: &Path, command: Command) -> anyhow::Result<String> {
    Ok(match command {
        Command::Run => String::new(),
        Command::Init => {
            let address = keeper.address().await?;
            format!(
                "key and database in {}\n{}\nnext: porthole-hub run, and porthole-hub owner add NAME for every owner\n",
                dir.display(),
                address.encode()
            )
        }
        Command::Address => format!("{}\n", keeper.address().await?.encode()),
        Command::Owner(cli::Owner::Add { name }) => {
            format!("{}\n", keeper.add_owner(&name).await?.to_text())
        }
        Command::Owner(cli::Owner::Lock { name }) => {
            anyhow::ensure!(keeper.lock_owner(&name).await?, "there is no owner {name}");
            String::new()
        }
        Command::Owner(cli::Owner::List) => owners(keeper).await?,
        Command::Product(cli::Product::Add {
            product_id,
            secret_file,
        }) => {
            let secret = match secret_file {
                Some(file) => Some(read_secret(&file).await?.parse()?),
                None => None,
            };
            keeper
                .add_product(&product_id.parse()?, secret.as_ref())
                .await?;
            String::new()
        }
        Command::Device(cli::Device::Add {
            product_id,
            device_name,
            secret_file,
        }) => {
            let secret = match secret_file {
                Some(file) => Some(read_secret(&file).await?.parse()?),
                None => None,
            };
            let device = Device::new(&product_id, &device_name)?;
            let secret = keeper.add_device(&device, secret).await?;
            format!("{}\n", secret.as_str())
        }
        Command::Device(cli::Device::List) => devices(keeper).await?,
        Command::Token(cli::Token::List) => tokens(keeper).await?,
    })
}

async fn owners(keeper: &Keeper) -> anyhow::Result<String> {
    let mut text = String::from("OWNER\tACCESS\tCAMERAS\n");
    for owner in keeper.owners().await? {
        let access = if owner.has_access { "token" } else { "-" };
        writeln!(text, "{}\t{access}\t{}", owner.name, owner.cameras)?;
    }
    Ok(text)
}

async fn devices(keeper: &Keeper) -> anyhow::Result<String> {
    let mut text = String::from("DEVICE\tOWNER\tONLINE\tCONFIRMED\tCAMERA\n");
    for (state, owner) in keeper.devices().await? {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let owner = owner.unwrap_or_else(|| "-".into());
        let camera = state.camera.map_or("-".into(), |camera| camera.to_string());
        writeln!(
            text,
            "{}\t{owner}\t{}\t{}\t{camera}",
            state.device,
            yes(state.online),
            yes(state.confirmed)
        )?;
    }
    Ok(text)
}

async fn tokens(keeper: &Keeper) -> anyhow::Result<String> {
    let mut text = String::from("OWNER\tSTATE\tDEVICE\tEXPIRES\n");
    for token in keeper.tokens().await? {
        let device = token.device.map_or("-".into(), |device| device.to_string());
        writeln!(
            text,
            "{}\t{}\t{device}\t{} s",
            token.owner, token.state, token.expires_in
        )?;
    }
    Ok(text)
}

/// A secret is never typed as an argument, which others on the machine could read.
async fn read_secret(file: &PathBuf) -> anyhow::Result<String> {
    use tokio::io::AsyncReadExt;
    const MAX: u64 = 4096;
    let mut text = String::new();
    let read = if file == Path::new("-") {
        tokio::io::stdin().take(MAX).read_to_string(&mut text).await
    } else {
        let opened = tokio::fs::File::open(file).await;
        let opened = opened.with_context(|| format!("opening {}", file.display()))?;
        opened.take(MAX).read_to_string(&mut text).await
    };
    read.with_context(|| format!("reading {}", file.display()))?;
    Ok(text.trim().to_owned())
}
