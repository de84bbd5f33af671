//! The table: figures, targets beside them, misses marked.

use crate::contenders::Contender;
use crate::measure::Figures;
use crate::scene::Scene;

/// What one contender does in one scene.
pub(crate) struct Row {
    pub(crate) scene: Scene,
    pub(crate) rate: u32,
    pub(crate) contender: Contender,
    pub(crate) figures: Figures,
    /// ESTOI with the near end alone, and with both.
    pub(crate) near_only: f64,
    pub(crate) both: f64,
}

/// A figure, and whether it reaches its target.
struct Cell(String, bool);

const COLUMNS: [&str; 11] = [
    "ERLE (wanted; ceiling) dB",
    "at once (15) dB",
    "after both dB",
    "left in far-only dBFS",
    "ESTOI near alone (raw -.01)",
    "ESTOI both (wanted; raw)",
    "near gain (-1) dB",
    "filter 15 dB after (wanted) s",
    "healed (1.5) s",
    "delay ms",
    "CPU (20) ms/s",
];

/// Prints one row a scene and contender, then what misses.
pub(crate) fn print(rows: &[Row]) {
    println!("| scene | | {} |", COLUMNS.join(" | "));
    println!("|---|---{}|", "|---".repeat(COLUMNS.len()));
    let mut missed = Vec::new();
    let (mut judged, mut kept) = (0, 0);
    for row in rows {
        let raw = rows.iter().find(|other| {
            other.contender == Contender::None
                && other.rate == row.rate
                && other.scene.name == row.scene.name
        });
        let cells = cells(row, raw);
        let texts: Vec<String> = cells
            .iter()
            .map(|Cell(text, good)| {
                if *good {
                    text.clone()
                } else {
                    format!("**{text} !**")
                }
            })
            .collect();
        let name = format!("{} {}k", row.scene.name, row.rate / 1000);
        println!(
            "| {name} | {} | {} |",
            row.contender.name(),
            texts.join(" | ")
        );
        if row.contender == Contender::Porthole {
            judged += cells.len();
            kept += cells.iter().filter(|Cell(_, good)| *good).count();
            let wrong = COLUMNS
                .iter()
                .zip(&cells)
                .filter(|(_, Cell(_, good))| !good);
            missed.extend(wrong.map(|(column, Cell(text, _))| format!("{name}: {column}: {text}")));
        }
    }
    println!("\n`!`: misses its target. Porthole reaches {kept} of {judged}.");
    for line in missed {
        println!("- {line}");
    }
    averages(rows);
}

fn cells(row: &Row, raw: Option<&Row>) -> [Cell; 11] {
    let Row {
        scene,
        figures,
        near_only,
        both,
        ..
    } = row;
    let erle = (figures.ceiling - 2.0).min(28.0);
    let clear = if scene.hard { 0.75 } else { 0.90 };
    let works = if scene.ppm.abs() > 100 { 5.0 } else { 1.5 };
    let has_echo = !scene.both_from_start;
    let seconds = |time: Option<f64>| time.map_or("never".to_owned(), |time| format!("{time:.1}"));
    let has_filter = matches!(row.contender, Contender::Porthole | Contender::Speex);
    let changes = scene.change_in_double_talk().is_some();
    [
        if has_echo {
            Cell(
                format!("{:.1} ({erle:.0}; {:.0})", figures.erle, figures.ceiling),
                figures.erle >= erle,
            )
        } else {
            Cell("–".to_owned(), true)
        },
        if has_echo {
            Cell(
                format!("{:.0}", figures.erle_at_once),
                figures.erle_at_once >= 15.0,
            )
        } else {
            Cell("–".to_owned(), true)
        },
        Cell(format!("{:.0}", figures.erle_after), true),
        Cell(format!("{:.0}", figures.residual), true),
        match raw {
            Some(raw) => Cell(
                format!("{near_only:.3} ({:.3})", raw.near_only - 0.01),
                *near_only >= raw.near_only - 0.01,
            ),
            None => Cell(format!("{near_only:.3}"), true),
        },
        Cell(
            format!(
                "{both:.3} ({clear:.2}; {})",
                raw.map_or("–".to_owned(), |raw| format!("{:.2}", raw.both))
            ),
            *both >= clear,
        ),
        Cell(
            format!("{:.1}", figures.near_gain),
            figures.near_gain >= -1.0,
        ),
        if has_filter {
            let ppm = figures
                .ppm
                .filter(|_| scene.ppm != 0)
                .map_or(String::new(), |ppm| {
                    format!(", {ppm:.0} of {} ppm", scene.ppm)
                });
            Cell(
                format!("{} ({works}){ppm}", seconds(figures.converged)),
                figures.converged.is_some_and(|time| time <= works),
            )
        } else {
            Cell("–".to_owned(), true)
        },
        if has_filter && changes {
            Cell(
                seconds(figures.healed),
                figures.healed.is_some_and(|time| time <= 1.5),
            )
        } else {
            Cell("–".to_owned(), true)
        },
        Cell(format!("{:.1}", figures.delay_ms), true),
        Cell(
            format!("{:.1}", figures.cpu_ms),
            row.rate > 16_000 || figures.cpu_ms <= 20.0,
        ),
    ]
}

/// The means of each contender over all scenes of a rate.
fn averages(rows: &[Row]) {
    println!(
        "\n| mean of all | scenes | ESTOI near alone | ESTOI both | near gain dB | left in far-only dBFS | CPU ms/s |"
    );
    println!("|---|---|---|---|---|---|---|");
    for rate in [16_000, 48_000] {
        for contender in crate::contenders::ALL {
            let own: Vec<&Row> = rows
                .iter()
                .filter(|row| row.contender == contender && row.rate == rate)
                .collect();
            if own.is_empty() {
                continue;
            }
            let mean = |of: &dyn Fn(&Row) -> f64| {
                own.iter().map(|row| of(row)).sum::<f64>() / own.len() as f64
            };
            println!(
                "| {} {}k | {} | {:.3} | {:.3} | {:.1} | {:.0} | {:.1} |",
                contender.name(),
                rate / 1000,
                own.len(),
                mean(&|row| row.near_only),
                mean(&|row| row.both),
                mean(&|row| row.figures.near_gain),
                mean(&|row| row.figures.residual),
                mean(&|row| row.figures.cpu_ms)
            );
        }
    }
}
