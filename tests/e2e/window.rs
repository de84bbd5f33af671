//! The app's window, driven by WebDriver on a virtual screen, and what the page shows.

use fantoccini::actions::{
    Actions, InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions,
    PointerAction,
};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use media::marks;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::programs::{Folder, Running};
use tests::screen::{self, Screen};
use tests::{desktop, places};

/// Longest that anything on the page may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How the window is started.
pub(crate) struct Setup<'a> {
    /// The app's data folder.
    pub(crate) data: &'a Path,
    /// The camera whose page is shown first.
    pub(crate) open: Option<&'a str>,
    /// Environment variables of the app.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl<'a> Setup<'a> {
    /// On the home page, in the environment of the test.
    pub(crate) fn new(data: &'a Path) -> Self {
        Self {
            data,
            open: None,
            environment: &[],
        }
    }
}

/// A running app and the road to its page. Fields are dropped in this order: the driver before the screen.
pub(crate) struct Window {
    /// The page.
    pub(crate) page: Client,
    _driver: Running,
    /// The screen it is on.
    pub(crate) screen: Screen,
    _logs: Folder,
}

impl Window {
    /// Starts the app on a screen of its own.
    pub(crate) async fn open(setup: &Setup<'_>) -> Self {
        let screen = Screen::start(1100, 720);
        let logs = Folder::temporary();
        let (port, native_port) = (free_port(), free_port());
        let mut driver = screen.command(tauri_driver());
        driver.args([
            "--port",
            &port.to_string(),
            "--native-port",
            &native_port.to_string(),
        ]);
        driver.envs(setup.environment.iter().copied());
        let log = File::create(logs.path().join("driver.log")).expect("a log file");
        driver.stdout(Stdio::null()).stderr(log);
        let driver = Running::start(&mut driver);
        let mut arguments = vec![
            "--data".to_owned(),
            setup.data.to_string_lossy().into_owned(),
        ];
        arguments.extend(
            setup
                .open
                .iter()
                .flat_map(|camera| ["--open".to_owned(), (*camera).to_owned()]),
        );
        let capabilities = json!({
            "browserName": "wry",
            "tauri:options": { "application": desktop::program(), "args": arguments },
        });
        let page = connect(port, capabilities).await;
        Self {
            page,
            _driver: driver,
            screen,
            _logs: logs,
        }
    }

    /// Ends the app.
    pub(crate) async fn close(self) {
        self.page.clone().close().await.expect("the window closes");
    }

    /// The element with this `data-testid`, once it is there.
    pub(crate) async fn find(&self, id: &str) -> Element {
        let selector = format!("[data-testid=\"{id}\"]");
        let wait = self
            .page
            .wait()
            .at_most(PATIENCE)
            .every(Duration::from_millis(50));
        match wait.for_element(Locator::Css(&selector)).await {
            Ok(element) => element,
            Err(error) => {
                self.keep("failed").await;
                panic!("no `{id}` on the page: {error}\n{}", self.text().await);
            }
        }
    }

    /// Presses the element with this `data-testid`.
    pub(crate) async fn press(&self, id: &str) {
        // Controls over the picture fade; a moving pointer brings them back, and so does focus.
        self.find(id).await;
        let script = "const e = document.querySelector(`[data-testid=\"${arguments[0]}\"]`);
            if (!e || e.disabled) return false; e.focus(); e.click(); return true;";
        // What has just been typed may not have reached the page yet.
        let pressed = async || self.run(script, vec![json!(id)]).await == json!(true);
        self.until(&format!("`{id}` can be pressed"), PATIENCE, pressed)
            .await;
    }

    /// Holds the pointer down on an element.
    pub(crate) async fn hold(&self, id: &str, time: Duration) {
        self.pointer_down(id).await;
        tokio::time::sleep(time).await;
        self.pointer_up().await;
    }

    /// Puts the pointer down on an element; it stays down.
    pub(crate) async fn pointer_down(&self, id: &str) {
        let element = self.find(id).await;
        let over = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let button = MOUSE_BUTTON_LEFT;
        let mouse = MouseActions::new("mouse".to_owned()).then(over);
        self.act(mouse.then(PointerAction::Down { button })).await;
    }

    /// Lifts the pointer.
    pub(crate) async fn pointer_up(&self) {
        let button = MOUSE_BUTTON_LEFT;
        let mouse = MouseActions::new("mouse".to_owned());
        self.act(mouse.then(PointerAction::Up { button })).await;
    }

    /// Holds a key down.
    pub(crate) async fn hold_key(&self, key: char, time: Duration) {
        self.key_down(key).await;
        tokio::time::sleep(time).await;
        self.key_up(key).await;
    }

    /// Presses a key, which stays down.
    pub(crate) async fn key_down(&self, value: char) {
        let keyboard = KeyActions::new("keyboard".to_owned());
        self.act(keyboard.then(KeyAction::Down { value })).await;
    }

    /// Lets a key go.
    pub(crate) async fn key_up(&self, value: char) {
        let keyboard = KeyActions::new("keyboard".to_owned());
        self.act(keyboard.then(KeyAction::Up { value })).await;
    }

    async fn act(&self, actions: impl Into<Actions>) {
        let done = self.page.perform_actions(actions).await;
        done.expect("pointer and keys can be moved");
    }

    /// The value of an attribute of the element with this `data-testid`, if both are there.
    pub(crate) async fn attribute(&self, id: &str, name: &str) -> Option<String> {
        let script = "return document.querySelector(`[data-testid=\"${arguments[0]}\"]`)?.getAttribute(arguments[1])";
        let value = self.run(script, vec![json!(id), json!(name)]).await;
        value.as_str().map(str::to_owned)
    }

    /// Whether an element with this `data-testid` is on the page now.
    pub(crate) async fn has(&self, id: &str) -> bool {
        let selector = format!("[data-testid=\"{id}\"]");
        !self
            .page
            .find_all(Locator::Css(&selector))
            .await
            .unwrap_or_default()
            .is_empty()
    }

    /// How many elements have this `data-testid`.
    pub(crate) async fn count(&self, id: &str) -> usize {
        let selector = format!("[data-testid=\"{id}\"]");
        self.page
            .find_all(Locator::Css(&selector))
            .await
            .unwrap_or_default()
            .len()
    }

    /// Waits until `is_so`, asked again and again, is true.
    pub(crate) async fn until(
        &self,
        what: &str,
        limit: Duration,
        mut is_so: impl AsyncFnMut() -> bool,
    ) -> Duration {
        let start = Instant::now();
        while start.elapsed() < limit {
            if is_so().await {
                return start.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        self.keep("failed").await;
        panic!("{what}: not within {limit:?}\n{}", self.text().await);
    }

    /// All text on the page.
    pub(crate) async fn text(&self) -> String {
        self.run("return document.body.innerText", vec![])
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Runs JavaScript on the page.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.page
            .execute(script, arguments)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The marks on the canvas, of live or of a recording: the frame counter and where the camera looks.
    pub(crate) async fn marks(&self) -> Option<Marks> {
        self.marks_on(0).await
    }

    /// The same of the canvas of that number, where several recordings are beside each other.
    pub(crate) async fn marks_on(&self, canvas: usize) -> Option<Marks> {
        let read = self.run(READ_MARKS, vec![json!(canvas)]).await;
        let counter = u32::try_from(read["counter"].as_u64()?).ok()?;
        let position = read["position"]
            .as_u64()
            .map(|bits| ((bits >> 12) as u32, (bits & 0xfff) as u32));
        let now = screen::unix_us();
        let age = now.saturating_sub(marks::time_of(counter, desktop::FPS, now));
        let width = u32::try_from(read["width"].as_u64()?).ok()?;
        Some(Marks {
            counter,
            position,
            width,
            age: Duration::from_micros(age),
        })
    }

    /// Waits for a picture on the canvas that was captured less than `age` ago, and for a newer one after it.
    pub(crate) async fn until_live(&self, age: Duration, limit: Duration) -> Duration {
        let mut first = None;
        self.until("a moving live picture", limit, async || {
            let Some(marks) = self.marks().await.filter(|marks| marks.age < age) else {
                return false;
            };
            *first.get_or_insert(marks.counter) != marks.counter
        })
        .await
    }

    /// Keeps a screenshot as `target/e2e/NAME.png`.
    pub(crate) async fn keep(&self, name: &str) -> PathBuf {
        let folder = places::target().join("e2e");
        std::fs::create_dir_all(&folder).expect("a folder for screenshots");
        let file = folder.join(format!("{name}.png"));
        assert!(self.screen.save(&file), "saving {}", file.display());
        file
    }
}

/// What the canvas shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marks {
    pub(crate) counter: u32,
    pub(crate) position: Option<(u32, u32)>,
    pub(crate) width: u32,
    pub(crate) age: Duration,
}

/// Reads both rows of `media::marks` from the canvas: 28 blocks from `x = b`, `b` being a 36th of the height.
const READ_MARKS: &str = r#"
const canvas = document.querySelectorAll('[data-testid="live-canvas"], [data-testid="playback-canvas"]')[arguments[0]];
if (!canvas || !canvas.width) return {};
const copy = document.createElement("canvas");
const side = canvas.height / 36;
copy.width = canvas.width;
copy.height = canvas.height;
const context = copy.getContext("2d");
context.drawImage(canvas, 0, 0);
const row = (fromBottom) => {
  const y = Math.floor(canvas.height - (fromBottom - 0.5) * side);
  const line = context.getImageData(0, y, canvas.width, 1).data;
  const bits = [];
  for (let i = 0; i < 28; i++) bits.push(line[Math.floor((1.5 + i) * side) * 4 + 1] > 126 ? 1 : 0);
  const data = bits.slice(2, 26);
  const parity = data.reduce((sum, bit) => sum ^ bit, 0);
  if (bits[0] !== 1 || bits[1] !== 0 || bits[26] !== parity || bits[27] === parity) return null;
  return data.reduce((value, bit) => value * 2 + bit, 0);
};
return { counter: row(2), position: row(3), width: canvas.width };
"#;

fn tauri_driver() -> PathBuf {
    let pinned = places::target()
        .join("tools")
        .join("bin")
        .join("tauri-driver");
    if pinned.is_file() {
        pinned
    } else {
        PathBuf::from("tauri-driver")
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}

async fn connect(port: u16, capabilities: Value) -> Client {
    let capabilities = capabilities.as_object().cloned().unwrap_or_default();
    let url = format!("http://127.0.0.1:{port}");
    let start = Instant::now();
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        match builder
            .capabilities(capabilities.clone())
            .connect(&url)
            .await
        {
            Ok(client) => return client,
            Err(error) => assert!(start.elapsed() < PATIENCE, "no window: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
