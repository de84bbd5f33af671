//! Debian's libspeexdsp, as much of it as is needed.

use anyhow::{Result, ensure};
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

#[link(name = "speexdsp")]
unsafe extern "C" {
    fn speex_echo_state_init(frame_size: c_int, filter_length: c_int) -> *mut c_void;
    fn speex_echo_state_destroy(state: *mut c_void);
    fn speex_echo_cancellation(
        state: *mut c_void,
        rec: *const i16,
        play: *const i16,
        out: *mut i16,
    );
    fn speex_echo_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
}

/// `SPEEX_ECHO_SET_SAMPLING_RATE` of `speex_echo.h`.
const SET_SAMPLING_RATE: c_int = 24;

pub(crate) struct Speex {
    state: NonNull<c_void>,
    far: Vec<i16>,
    mic: Vec<i16>,
    out: Vec<i16>,
}

impl Speex {
    pub(crate) fn new(hop: usize, tail: usize, rate: u32) -> Result<Self> {
        // SAFETY: both numbers are positive; the library allocates and gives null when it cannot.
        let state = NonNull::new(unsafe { speex_echo_state_init(hop as c_int, tail as c_int) });
        let Some(state) = state else {
            anyhow::bail!("libspeexdsp has no memory")
        };
        let mut rate = rate as c_int;
        // SAFETY: the request takes a pointer to an int, and the state lives.
        let done =
            unsafe { speex_echo_ctl(state.as_ptr(), SET_SAMPLING_RATE, (&raw mut rate).cast()) };
        ensure!(done == 0, "libspeexdsp refuses {rate} Hz");
        Ok(Self {
            state,
            far: vec![0; hop],
            mic: vec![0; hop],
            out: vec![0; hop],
        })
    }

    pub(crate) fn process(&mut self, far: &[f32], mic: &[f32], out: &mut [f32]) {
        for (to, from) in [(&mut self.far, far), (&mut self.mic, mic)] {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, from)| *to = (from * 32_767.0) as i16);
        }
        // SAFETY: all three hold as many samples as the state was made for.
        unsafe {
            speex_echo_cancellation(
                self.state.as_ptr(),
                self.mic.as_ptr(),
                self.far.as_ptr(),
                self.out.as_mut_ptr(),
            );
        }
        out.iter_mut()
            .zip(&self.out)
            .for_each(|(to, from)| *to = f32::from(*from) / 32_768.0);
    }
}

impl Drop for Speex {
    fn drop(&mut self) {
        // SAFETY: made by the library, and used no more.
        unsafe { speex_echo_state_destroy(self.state.as_ptr()) }
    }
}
