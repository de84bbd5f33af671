//! The specification's own examples with the input in the middle: depth without luck, and no seeds to keep in step.

const SPECIFICATION: &str = include_str!("../../../crates/wire/README.md");

/// The line of the fenced block that the first byte of the input picks; from where the second byte says, as many bytes
/// as the third says are replaced by the rest. `None` if the input is too short.
pub fn spliced(block: &str, input: &[u8]) -> Option<Vec<u8>> {
    let (&[which, at, cut], rest) = input.split_first_chunk::<3>()?;
    let fence = format!("```{block}");
    let lines: Vec<&str> = SPECIFICATION
        .lines()
        .skip_while(|line| *line != fence)
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    assert!(!lines.is_empty(), "no block {block}");
    let line = lines[usize::from(which) % lines.len()];
    let line = line.trim_start_matches(['<', '>', ' ']).as_bytes();
    let start = usize::from(at) * line.len() / 256;
    let end = (start + usize::from(cut)).min(line.len());
    Some([&line[..start], rest, &line[end..]].concat())
}
