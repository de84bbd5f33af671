//! QR codes in the pictures of the user's own camera, or in a picture file: labels and pairing links.

use crate::api::{Failure, Reply, Secret};
use crate::fail::internal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use media::code::{Grey, codes};

/// Largest picture that is looked at, pixels: 2048x2048. The page makes them smaller.
const MOST: usize = 4 << 20;

/// Answers [`Call::ReadCodes`](crate::api::Call::ReadCodes): about 10 ms for 640x360, on a thread that may block.
///
/// # Errors
/// [`FailureCode::Internal`](crate::api::FailureCode::Internal) for what is no picture: only the page can send that.
pub(crate) async fn read(width: u32, luma: Secret) -> Result<Reply, Failure> {
    let width = width as usize;
    let too_large = || internal(format!("a picture of more than {MOST} pixels"));
    if luma.expose().len() > MOST.div_ceil(3) * 4 {
        return Err(too_large());
    }
    let luma = STANDARD
        .decode(luma.expose())
        .map_err(|error| internal(format!("a picture that is no base64: {error}")))?;
    if luma.len() > MOST {
        return Err(too_large());
    }
    if width == 0 || luma.is_empty() || luma.len() % width != 0 {
        let length = luma.len();
        return Err(internal(format!("{length} pixels in rows of {width}")));
    }
    let texts = tokio::task::spawn_blocking(move || codes(&Grey { width, luma }))
        .await
        .map_err(internal)?;
    Ok(Reply::Codes {
        texts: texts.into_iter().map(Secret::new).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FailureCode;

    /// The code of a text as a picture: 8 pixels a module, four white modules around.
    fn drawn(text: &str) -> (u32, Vec<u8>) {
        let code = qrcode::QrCode::new(text).unwrap();
        let (side, dark) = (code.width(), code.to_colors());
        let width = (side + 8) * 8;
        let luma = (0..width * width).map(|at| {
            let (x, y) = ((at % width) / 8, (at / width) / 8);
            let inside = (4..4 + side).contains(&x) && (4..4 + side).contains(&y);
            let black = inside && dark[(y - 4) * side + x - 4] == qrcode::Color::Dark;
            if black { 20 } else { 230 }
        });
        (width as u32, luma.collect())
    }

    #[tokio::test]
    async fn a_label_in_a_picture_is_read() {
        let label = "WIFI:T:WPA;S:Porthole-4F2A;P:k3v9x2m7qa;;";
        let (width, luma) = drawn(label);
        let reply = read(width, Secret::new(STANDARD.encode(luma))).await;
        assert_eq!(
            reply,
            Ok(Reply::Codes {
                texts: vec![Secret::new(label)]
            })
        );
        assert!(!format!("{reply:?}").contains("k3v9x2m7qa"));
        let grey = read(64, Secret::new(STANDARD.encode([120; 64 * 36]))).await;
        assert_eq!(grey, Ok(Reply::Codes { texts: Vec::new() }));
    }

    #[tokio::test]
    async fn what_is_no_picture_is_refused() {
        let some = STANDARD.encode([0; 12]);
        let large = STANDARD.encode(vec![0; MOST + 1]);
        for (width, luma) in [(0, &*some), (5, &some), (4, ""), (4, "?"), (1, &large)] {
            let refused = read(width, Secret::new(luma)).await.unwrap_err();
            assert_eq!(refused.code, FailureCode::Internal, "{width}");
        }
    }
}
