//! Ranking by weight, from a number alone.
//!
//! Weighted rendezvous hashing: each address gets a number by chance that its weight makes larger, and the largest comes
//! first. Whoever leaves takes with them only those whose first they were. (D. Thaler, C. Ravishankar, IEEE/ACM Transactions
//! on Networking 6(1), 1998; with weights, J. Schindelhauer, G. Schomaker, SPAA 2005.)

use std::net::IpAddr;

use waxseal_store::sources::Member;

/// Addresses in the order of a number's rank: of many numbers each is as often first as its weight says.
pub(super) fn ranked(number: u128, members: &[&Member]) -> Vec<IpAddr> {
    let mut scored: Vec<(f64, IpAddr)> =
        members.iter().map(|member| (score(number, member), member.address)).collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    scored.into_iter().map(|(_, address)| address).collect()
}

fn score(of: u128, member: &Member) -> f64 {
    let bits = mixed(u128::from(mixed(of)) << 64 | u128::from(mixed(number(member.address))));
    // Strictly between 0 and 1.
    let chance = ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(member.weight) / chance.ln()
}

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Numbers that follow one another, such as ids of one message, spread: the steps of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) const fn mixed(number: u128) -> u64 {
    let mut mixed = ((number >> 64) as u64 ^ number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(number, weight): (u8, &u32)| Member {
            address: IpAddr::from([192, 0, 2, number]),
            weight: *weight,
        };
        (1..).zip(weights).map(member).collect()
    }

    fn first(number: u128, members: &[Member]) -> IpAddr {
        ranked(7 << 80 | number, &members.iter().collect::<Vec<_>>())[0]
    }

    #[test]
    fn each_is_first_as_often_as_its_weight_says() {
        for weights in [&[1, 1][..], &[3, 1], &[1, 2, 5, 2]] {
            let members = members(weights);
            let sum: u32 = weights.iter().sum();
            for member in &members {
                let count = (0..20_000).filter(|number| first(*number, &members) == member.address).count();
                let wanted = (20_000 * member.weight / sum) as usize;
                assert!(count.abs_diff(wanted) < 400, "{weights:?}: {count} instead of {wanted}");
            }
        }
    }

    #[test]
    fn whoever_leaves_moves_only_what_was_theirs() {
        let all = members(&[1, 2, 3]);
        for number in 0..2_000 {
            let before = first(number, &all);
            let after = first(number, &all[..2]);
            assert!(before == after || before == all[2].address);
        }
    }
}
