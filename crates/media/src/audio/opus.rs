//! Opus for a voice, by FFmpeg's libopus.

use std::collections::VecDeque;

use ffmpeg_next as ff;

use super::encode::finite;
use crate::Packet;
use crate::av;
use crate::error::{Error, Result};

const OPENING: &str = "opening the Opus encoder";
const ENCODING: &str = "encoding Opus";
/// What Opus decodes to, and what is given to the encoder, hertz.
pub const OPUS_RATE: u32 = 48_000;
/// Samples of a frame of 20 ms.
const FRAME: usize = OPUS_RATE as usize / 50;
/// Samples by which the decoder is behind the encoder (libopus, VoIP, 48 kHz).
const PRE_SKIP: u16 = 312;

/// Encodes one channel at 48 kHz in frames of 20 ms. Packet times say when the packet's sound was captured.
pub struct OpusEncoder {
    encoder: ff::encoder::audio::Encoder,
    pending: VecDeque<f32>,
    /// Samples handed to the encoder.
    sent: i64,
    /// Media time, in samples, of sample 0.
    origin: i64,
}

impl OpusEncoder {
    /// `bit_rate` in bits a second.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this FFmpeg lacks libopus, [`Error::Ffmpeg`] if the encoder does not open.
    pub fn open(bit_rate: u32) -> Result<Self> {
        av::init();
        let codec = ff::encoder::find_by_name("libopus").ok_or_else(|| Error::Unsupported {
            doing: OPENING,
            what: "libopus".into(),
        })?;
        let mut context = ff::codec::Context::new_with_codec(codec);
        av::set_audio(&mut context, OPUS_RATE, 1);
        context.set_time_base((1, OPUS_RATE as i32));
        let mut audio = context.encoder().audio().map_err(av::error(OPENING))?;
        audio.set_format(ff::format::Sample::F32(ff::format::sample::Type::Packed));
        audio.set_bit_rate(bit_rate as usize);
        let mut options = ff::Dictionary::new();
        options.set("application", "voip");
        options.set("frame_duration", "20");
        let encoder = audio
            .open_as_with(codec, options)
            .map_err(av::error(OPENING))?;
        Ok(Self {
            encoder,
            pending: VecDeque::with_capacity(4 * FRAME),
            sent: 0,
            origin: 0,
        })
    }

    /// The OpusHead (RFC 7845, 5.1): version 1, one channel.
    pub fn config(&self) -> Vec<u8> {
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&OPUS_RATE.to_le_bytes());
        head.extend_from_slice(&[0; 3]);
        head
    }

    /// Says that the next sample given was captured at `pts_ms`.
    pub fn set_time(&mut self, pts_ms: i64) {
        let now = pts_ms.saturating_mul(i64::from(OPUS_RATE)) / 1000;
        self.origin = now.saturating_sub(self.sent + self.pending.len() as i64);
    }

    /// Takes samples at 48 kHz, any number; gives the packets that became complete.
    ///
    /// # Errors
    /// [`Error::Ffmpeg`] if the encoder fails.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Vec<Packet>> {
        self.pending.extend(samples);
        let mut packets = Vec::new();
        while self.pending.len() >= FRAME {
            let layout = ff::ChannelLayout::default(1);
            let format = ff::format::Sample::F32(ff::format::sample::Type::Packed);
            let mut frame = ff::frame::Audio::new(format, FRAME, layout);
            frame.set_rate(OPUS_RATE);
            for (to, value) in frame
                .plane_mut::<f32>(0)
                .iter_mut()
                .zip(self.pending.drain(..FRAME))
            {
                *to = finite(value);
            }
            frame.set_pts(Some(self.sent));
            self.sent += FRAME as i64;
            self.encoder
                .send_frame(&frame)
                .map_err(av::error(ENCODING))?;
            self.receive(&mut packets)?;
        }
        Ok(packets)
    }

    fn receive(&mut self, packets: &mut Vec<Packet>) -> Result<()> {
        let mut packet = ff::Packet::empty();
        loop {
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(e) if av::is_again(e) || e == ff::Error::Eof => return Ok(()),
                Err(e) => return Err(av::error(ENCODING)(e)),
            }
            // FFmpeg takes the encoder's delay off already: the first packet has the time −312.
            let time = self.origin.saturating_add(packet.pts().unwrap_or(0));
            let pts = time.saturating_mul(1000).div_euclid(i64::from(OPUS_RATE));
            packets.push(Packet {
                data: packet.data().unwrap_or_default().to_vec(),
                pts,
                dts: pts,
                key: true,
            });
        }
    }
}
