//! Pixel layouts of cameras to I420.

/// YUYV 4:2:2 (`Y U Y V` for two pixels) to I420; the chroma of two rows is averaged. `stride` is the distance between
/// rows in bytes. `None` if the sides are odd or the bytes are too few.
pub(super) fn yuyv_to_i420(
    from: &[u8],
    stride: usize,
    width: usize,
    height: usize,
) -> Option<Vec<u8>> {
    let row_bytes = width.checked_mul(2)?;
    let needed = stride
        .checked_mul(height.checked_sub(1)?)?
        .checked_add(row_bytes)?;
    if width == 0
        || !width.is_multiple_of(2)
        || !height.is_multiple_of(2)
        || stride < row_bytes
        || from.len() < needed
    {
        return None;
    }
    let luma = width * height;
    let mut to = vec![0; luma + luma / 2];
    let (y_plane, chroma) = to.split_at_mut(luma);
    let (u_plane, v_plane) = chroma.split_at_mut(luma / 4);
    for pair in 0..height / 2 {
        let upper = &from[2 * pair * stride..][..row_bytes];
        let lower = &from[(2 * pair + 1) * stride..][..row_bytes];
        let (y_upper, y_lower) = y_plane[2 * pair * width..][..2 * width].split_at_mut(width);
        for (to, row) in [(y_upper, upper), (y_lower, lower)] {
            for (luma, pixel) in to.iter_mut().zip(row.chunks_exact(2)) {
                *luma = pixel[0];
            }
        }
        let mean = |a: u8, b: u8| (u16::from(a) + u16::from(b)).div_ceil(2) as u8;
        let rows = upper.chunks_exact(4).zip(lower.chunks_exact(4));
        let u = &mut u_plane[pair * width / 2..][..width / 2];
        let v = &mut v_plane[pair * width / 2..][..width / 2];
        for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(rows) {
            (*u, *v) = (mean(a[1], b[1]), mean(a[3], b[3]));
        }
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_kept_and_chroma_of_two_rows_is_averaged() {
        // Two rows of four pixels, rows padded to 10 bytes.
        let mut from = vec![10, 100, 11, 200, 12, 102, 13, 202, 0xee, 0xee];
        from.extend([20, 104, 21, 204, 22, 107, 23, 206]);
        let to = yuyv_to_i420(&from, 10, 4, 2).unwrap();
        assert_eq!(to, [10, 11, 12, 13, 20, 21, 22, 23, 102, 105, 202, 204]);
    }

    #[test]
    fn frames_that_are_cut_short_or_odd_are_refused() {
        assert!(yuyv_to_i420(&[0; 15], 8, 4, 2).is_none());
        assert!(yuyv_to_i420(&[0; 64], 8, 3, 2).is_none());
        assert!(yuyv_to_i420(&[0; 64], 7, 4, 2).is_none());
        assert!(yuyv_to_i420(&[], 0, 0, 0).is_none());
        assert!(yuyv_to_i420(&[0; 8], usize::MAX, 4, 2).is_none());
    }
}
