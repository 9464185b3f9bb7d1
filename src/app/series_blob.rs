//! Raw samples as bytes: what a project keeps of a [`Series`].
//!
//! Four columns one after another, each a tag byte (bytes a value: 0 for an empty column, 4 or 8), a count of 8
//! bytes and the values, all little-endian. Times of beginning are kept as differences, so that a column is half the
//! size while no query takes longer than 4 seconds.

use crate::measure::Series;

/// The bytes of a series.
pub(super) fn pack(series: &Series) -> Vec<u8> {
    let Series { began_nanos, latency_nanos, service_nanos, batch } = series;
    let mut last = 0_u64;
    // Wrapping, so that an order nobody expects comes back as it was.
    let gaps: Vec<u64> = began_nanos
        .iter()
        .map(|began| {
            let gap = began.wrapping_sub(last);
            last = *began;
            gap
        })
        .collect();
    let mut bytes = Vec::new();
    put(&mut bytes, &gaps);
    put(&mut bytes, latency_nanos);
    put(&mut bytes, service_nanos);
    put(&mut bytes, &batch.iter().map(|size| u64::from(*size)).collect::<Vec<u64>>());
    bytes
}

/// The series in such bytes; `None` when they are damaged.
pub(super) fn unpack(mut bytes: &[u8]) -> Option<Series> {
    let mut last = 0_u64;
    let mut began_nanos = take(&mut bytes)?;
    for began in &mut began_nanos {
        last = last.wrapping_add(*began);
        *began = last;
    }
    let (latency_nanos, service_nanos) = (take(&mut bytes)?, take(&mut bytes)?);
    let batch = take(&mut bytes)?.into_iter().map(u32::try_from).collect::<Result<_, _>>().ok()?;
    let queries = latency_nanos.len();
    let fits = |column: usize| column == queries || column == 0;
    let series = Series { began_nanos, latency_nanos, service_nanos, batch };
    let whole = bytes.is_empty()
        && [series.began_nanos.len(), series.service_nanos.len(), series.batch.len()].into_iter().all(fits);
    whole.then_some(series)
}

fn put(bytes: &mut Vec<u8>, values: &[u64]) {
    let wide = values.iter().any(|value| u32::try_from(*value).is_err());
    let tag: u8 = if values.is_empty() {
        0
    } else if wide {
        8
    } else {
        4
    };
    bytes.push(tag);
    bytes.extend((values.len() as u64).to_le_bytes());
    for value in values {
        let all = value.to_le_bytes();
        bytes.extend(&all[..usize::from(tag)]);
    }
}

fn take(bytes: &mut &[u8]) -> Option<Vec<u64>> {
    let (tag, rest) = bytes.split_first()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let (width, count) = (usize::from(*tag), usize::try_from(u64::from_le_bytes(*count)).ok()?);
    if !matches!((width, count), (0, 0) | (4 | 8, 1..)) {
        return None;
    }
    let body = rest.get(..width.checked_mul(count)?)?;
    *bytes = &rest[body.len()..];
    Some(
        body.chunks_exact(width.max(1))
            .map(|chunk| {
                let mut value = [0; 8];
                value[..width].copy_from_slice(chunk);
                u64::from_le_bytes(value)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_to_the_nanosecond_whatever_their_size() {
        let alone = |latency_nanos: Vec<u64>| Series { latency_nanos, ..Series::default() };
        for series in [
            Series::default(),
            alone(vec![0, 1, u64::from(u32::MAX)]),
            alone(vec![5, u64::MAX]),
            Series {
                began_nanos: vec![3, 10, 5_000_000_000_000],
                latency_nanos: vec![7, 8, 9],
                service_nanos: vec![1, 2, 3],
                batch: vec![1, 32, 4],
            },
            Series { began_nanos: vec![9, 2], latency_nanos: vec![1, 1], ..Series::default() },
        ] {
            assert_eq!(unpack(&pack(&series)), Some(series));
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = pack(&Series { began_nanos: vec![1, 2], latency_nanos: vec![3, 4], ..Series::default() });
        for end in 0..good.len() {
            assert_eq!(unpack(&good[..end]), None, "cut at {end}");
        }
        assert_eq!(unpack(&[good.as_slice(), &[0]].concat()), None);
        let uneven = pack(&Series { began_nanos: vec![1], latency_nanos: vec![3, 4], ..Series::default() });
        assert_eq!(unpack(&uneven), None);
    }
}
