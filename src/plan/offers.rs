//! Every measured configuration on every machine: how many machines, how slow, how dear, and which is best.
//!
//! Rows stay small until they are sorted; only the rows that are shown become [`Offer`]s with their texts.

use super::explain;
use super::search::{Row, Search, order};
use super::sizing::Sizing;
use super::{Answer, METHOD, Measured, Offer, Question};
use crate::hardware::Profile;
use crate::units::{HOURS_PER_MONTH, Money, duration_ms, three_digits};

/// All offers for the question, sorted: those within the limit by cost, then by fewer replicas; "stay as you
/// are" among them by what it costs today; after them those that miss the limit, the nearest to it first.
pub fn answer(question: &Question, measured: &[Measured], profiles: &[Profile]) -> Answer {
    answer_first(question, measured, profiles, usize::MAX)
}

/// As [`answer`], with at most `most` offers besides "stay as you are": the first ones. With a whole price book
/// this spares the texts of hundreds of thousands of rows nobody looks at; `left_out` counts them.
///
/// `best` and `why` are always those of the full answer.
pub fn answer_first(question: &Question, measured: &[Measured], profiles: &[Profile], most: usize) -> Answer {
    if let Some(problem) = unanswerable(question) {
        return Answer {
            offers: vec![stay(question)],
            best: None,
            why: problem,
            left_out: Vec::new(),
            method: METHOD.to_owned(),
        };
    }
    let mut search = Search::new(question, measured, profiles);
    search.run();
    search.into_answer(most)
}

/// What is wrong with the question itself, in words.
fn unanswerable(question: &Question) -> Option<String> {
    let Question { rps, p99_limit_ms, utilisation, .. } = *question;
    if !rps.is_finite() || rps < 0.0 {
        return Some(format!(
            "The demand must be a number of requests per second, zero or more; it is {rps}."
        ));
    }
    if p99_limit_ms.is_nan() || p99_limit_ms <= 0.0 {
        return Some(format!("The p99 limit must be more than zero milliseconds; it is {p99_limit_ms}."));
    }
    if utilisation.is_nan() || utilisation <= 0.0 || utilisation > 1.0 {
        return Some(format!("The target utilisation must be above 0 and at most 1; it is {utilisation}."));
    }
    None
}

impl Search<'_> {
    fn into_answer(mut self, most: usize) -> Answer {
        let why = explain::why(&self, &self.left_out_words());
        let stays = self.staying_is_cheapest();
        let mut rows = std::mem::take(&mut self.rows);
        let hidden = rows.len().saturating_sub(most);
        let stay_at = self.place_of_stay(&rows).min(most);
        if hidden > 0 {
            rows.select_nth_unstable_by(most, order);
            rows.truncate(most);
        }
        rows.sort_unstable_by(order);
        // The row that stays is the first while no offer within the limit costs less.
        let best = rows
            .first()
            .is_some_and(|row| row.sizing.meets_limit)
            .then_some(usize::from(stay_at == 0 && !stays));
        let mut offers = Vec::with_capacity(rows.len() + 1);
        offers.extend(rows[..stay_at].iter().map(|row| self.offer(row)));
        offers.push(stay(self.question));
        offers.extend(rows[stay_at..].iter().map(|row| self.offer(row)));
        let mut left_out = self.left_out_words();
        if hidden > 0 {
            left_out.push(("further offers, not listed".to_owned(), hidden));
        }
        Answer { offers, best, why, left_out, method: METHOD.to_owned() }
    }

    /// Among the offers within the limit, before the first that costs as much or more; behind all of them while
    /// today's cost is not known.
    fn place_of_stay(&self, rows: &[Row]) -> usize {
        let today = self.question.today_per_month;
        rows.iter().filter(|row| row.sizing.meets_limit && today.is_none_or(|today| row.cost < today)).count()
    }

    fn offer(&self, row: &Row) -> Offer {
        let (one, profile) = (&self.measured[row.measured], &self.profiles[row.profile]);
        let per_thousand = per_thousand(row.cost, self.question.rps);
        Offer {
            id: one.id.clone(),
            variant: one.variant.clone(),
            instance: profile.instance.clone(),
            provider: profile.provider.clone(),
            region: profile.region.clone(),
            purchase: Some(profile.purchase),
            batch: one.batch,
            threads: one.threads,
            replicas: row.sizing.replicas,
            sessions_per_replica: row.sessions,
            p99_ms: row.sizing.p99_ms,
            utilisation: Some(row.sizing.utilisation),
            cost_per_month: Some(row.cost),
            cost_per_thousand: per_thousand,
            difference_per_month: self.question.today_per_month.and_then(|today| difference(row.cost, today)),
            meets_limit: Some(row.sizing.meets_limit),
            assumed: self.is_assumed(row),
            stay: false,
            reason: self.reason(row, per_thousand.is_none()),
        }
    }

    /// Why the limit is missed or a value is not there; empty when neither is so.
    pub(super) fn reason(&self, row: &Row, no_cost_each: bool) -> String {
        let Sizing { p99_ms, fill_p99_ms, service_p99_ms, meets_limit, .. } = row.sizing;
        let (batch, rps) = (self.measured[row.measured].batch, self.question.rps);
        let limit = duration_ms(self.question.p99_limit_ms);
        if p99_ms.is_none() && fill_p99_ms.is_infinite() {
            return format!("a batch of {batch} never fills without requests");
        }
        if !meets_limit && service_p99_ms > self.question.p99_limit_ms {
            return format!(
                "one inference alone takes {} at p99, the limit is {limit}",
                duration_ms(service_p99_ms)
            );
        }
        if !meets_limit {
            return format!(
                "filling a batch of {batch} takes {} at p99 at {} requests/s and the inference {}, the limit is {limit}",
                duration_ms(fill_p99_ms),
                three_digits(rps),
                duration_ms(service_p99_ms)
            );
        }
        if no_cost_each { "without requests there is no cost per request".to_owned() } else { String::new() }
    }
}

/// The row that changes nothing.
fn stay(question: &Question) -> Offer {
    let today = question.today_per_month;
    let reason = match today {
        Some(_) => "how fast today's service answers was not measured",
        None => {
            "no bill is open, so today's cost is not known, and how fast today's service answers was not measured"
        }
    };
    Offer {
        id: String::new(),
        variant: "stay as you are".to_owned(),
        instance: String::new(),
        provider: String::new(),
        region: String::new(),
        purchase: None,
        batch: 0,
        threads: 0,
        replicas: 0,
        sessions_per_replica: 0,
        p99_ms: None,
        utilisation: None,
        cost_per_month: today,
        cost_per_thousand: today.and_then(|today| per_thousand(today, question.rps)),
        difference_per_month: today.map(|_| Money::ZERO),
        meets_limit: None,
        assumed: false,
        stay: true,
        reason: reason.to_owned(),
    }
}

/// Cost minus today's; `None` when it does not fit.
pub(super) fn difference(cost: Money, today: Money) -> Option<Money> {
    cost.scaled().checked_sub(today.scaled()).map(Money::from_scaled)
}

/// Cost of 1,000 of the month's requests; `None` when there are none.
fn per_thousand(month: Money, rps: f64) -> Option<Money> {
    (rps > 0.0).then(|| month.times(1e3 / (rps * 3_600.0 * HOURS_PER_MONTH))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Purchase;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn question() -> Question {
        Question {
            rps: 120.0,
            p99_limit_ms: 50.0,
            utilisation: 0.6,
            today_per_month: Some(money("983.40")),
            currency: "USD".to_owned(),
        }
    }

    fn machine(instance: &str, price: &str, vcpu: f64) -> Profile {
        Profile {
            id: format!("aws/{instance}"),
            name: format!("AWS {instance}"),
            provider: "AWS".to_owned(),
            instance: instance.to_owned(),
            region: "us-east-1".to_owned(),
            purchase: Purchase::OnDemand,
            price_per_hour: money(price),
            currency: "USD".to_owned(),
            vcpu,
            memory_gib: Some(4.0),
            accelerator: None,
            accelerator_count: 0,
            speed_factor: Some(1.0),
            is_measured_machine: false,
            source: "typed in".to_owned(),
        }
    }

    fn measured(variant: &str, batch: u64, p50_ms: f64) -> Measured {
        Measured {
            id: format!("sha256 of {variant}"),
            variant: variant.to_owned(),
            batch,
            threads: 1,
            provider: "CPU".to_owned(),
            p50_ms,
            p99_ms: p50_ms * 1.5,
            throughput_per_second: batch as f64 * 1e3 / p50_ms,
            peak_memory_bytes: Some(200 << 20),
            accuracy: None,
            same_machine: true,
            samples: 1_000,
        }
    }

    /// full: 100/s a session; 120/s at 60 % need 2 sessions. quantized: 250/s; one session is enough.
    fn variants() -> [Measured; 2] {
        [measured("full.onnx", 1, 10.0), measured("int8.onnx", 1, 4.0)]
    }

    #[test]
    fn the_cheapest_offer_within_the_limit_wins_and_costs_are_exact() {
        let machines = [machine("c7i.large", "0.0892500001", 2.0), machine("c7i.medium", "0.0535", 1.0)];
        let answer = answer(&question(), &variants(), &machines);
        let best = &answer.offers[answer.best.unwrap()];
        assert_eq!(
            (best.variant.as_str(), best.instance.as_str(), best.replicas),
            ("int8.onnx", "c7i.medium", 1)
        );
        assert_eq!(best.cost_per_month, Some(money("39.055"))); // 0.0535 × 730
        assert_eq!(best.difference_per_month, Some(money("-944.345")));
        let large = answer
            .offers
            .iter()
            .find(|offer| offer.instance == "c7i.large" && offer.variant == "full.onnx")
            .unwrap();
        assert_eq!((large.replicas, large.sessions_per_replica), (1, 2));
        assert_eq!(large.cost_per_month, Some(money("65.152500073"))); // 0.0892500001 × 730, no digit lost
        assert!((large.utilisation.unwrap() - 0.6).abs() < 1e-12);
        // 39.055 a month ÷ (120 × 3,600 × 730 = 315,360,000 requests) × 1,000
        assert!((best.cost_per_thousand.unwrap().to_f64() - 39.055 / 315_360.0).abs() < 1e-9);
        assert!(best.assumed && best.reason.is_empty() && best.meets_limit == Some(true));
    }

    #[test]
    fn staying_is_always_a_row_and_stands_by_its_cost() {
        let machines = [machine("cheap", "0.05", 1.0), machine("dear", "2", 1.0)];
        let int8 = [measured("int8.onnx", 1, 4.0)];
        let costs = |today: Option<&str>| -> Vec<(bool, Option<Money>)> {
            let asked = Question { today_per_month: today.map(money), ..question() };
            answer(&asked, &int8, &machines)
                .offers
                .iter()
                .map(|offer| (offer.stay, offer.cost_per_month))
                .collect()
        };
        let (cheap, dear) = ((false, Some(money("36.5"))), (false, Some(money("1460"))));
        assert_eq!(costs(Some("100")), [cheap, (true, Some(money("100"))), dear]);
        assert_eq!(costs(Some("1")), [(true, Some(money("1"))), cheap, dear]);
        assert_eq!(costs(Some("36.5")), [(true, Some(money("36.5"))), cheap, dear]);
        assert_eq!(costs(None), [cheap, dear, (true, None)]);
        let nothing = answer(&question(), &[], &[]);
        assert_eq!((nothing.offers.len(), nothing.offers[0].stay, nothing.best), (1, true, None));
        assert_eq!(nothing.why, "Nothing has been measured yet: measure a model first.");
    }

    #[test]
    fn offers_are_sorted_within_the_limit_by_cost_then_replicas_and_the_rest_last() {
        let machines = [machine("a", "0.2", 2.0), machine("b", "0.1", 1.0), machine("c", "0.3", 4.0)];
        let models =
            [measured("slow.onnx", 1, 40.0), measured("full.onnx", 1, 10.0), measured("int8.onnx", 1, 4.0)];
        let answer = answer(&question(), &models, &machines);
        assert_eq!(answer.offers.len(), 10);
        let classes: Vec<Option<bool>> =
            answer.offers.iter().filter(|o| !o.stay).map(|o| o.meets_limit).collect();
        assert_eq!(classes, [vec![Some(true); 6], vec![Some(false); 3]].concat());
        let meeting: Vec<_> = answer
            .offers
            .iter()
            .filter(|o| o.meets_limit == Some(true))
            .map(|o| (o.cost_per_month, o.replicas))
            .collect();
        assert!(meeting.is_sorted(), "{meeting:?}");
        // 0.2 × 1 machine before 0.1 × 2 machines: the same money, fewer replicas.
        let same: Vec<_> = answer
            .offers
            .iter()
            .filter(|o| o.variant == "full.onnx" && o.cost_per_month == Some(money("146")))
            .map(|o| o.replicas)
            .collect();
        assert_eq!(same, [1, 2]);
        assert_eq!(answer.offers[9].reason, "one inference alone takes 60.0 ms at p99, the limit is 50.0 ms");
    }

    #[test]
    fn the_sentence_says_why_the_winner_wins() {
        let machines = [machine("c7i.large", "0.08925", 2.0)];
        let with_accuracy = |one: Measured, share: f64| Measured { accuracy: Some(share), ..one };
        let [full, int8] = variants();
        let models = [
            with_accuracy(full, 0.985),
            with_accuracy(measured("tiny.onnx", 1, 20.0), 0.95),
            with_accuracy(int8, 0.98),
        ];
        let asked = Question { rps: 600.0, ..question() };
        let answer = answer(&asked, &models, &machines);
        // Exact M/D/4 at ρ = 0.6 waits 1.0009 × 4 ms at p99: 10.00 ms with service.
        // 600/s ÷ (500/s × 0.6) = 2 machines; full needs 5 (325.76), so 2.5 times 130.305.
        assert_eq!(
            answer.why,
            "int8.onnx at batch 1 on 1 thread serves 600 requests/s within 50.0 ms on 2 × c7i.large (AWS us-east-1, \
             on demand) for $130.31 a month, $853.10 less than today if these requests are all that this \
             spend serves. Its p99, estimated at 9.98 ms, is the wait and the model's run alone, without network \
             and pre- or post-processing; the speed is assumed, since it was measured on another machine. The \
             cheapest offer with full.onnx costs 2.5× as much; the accuracy of int8.onnx is 98.0 %, 0.5 points \
             below full.onnx."
        );
        assert_eq!(
            answer.method,
            "p99 = fill + wait + service; waiting by M/D/c (Crommelin 1932; Franx 2001; Cosmetatos 1975)"
        );
    }

    #[test]
    fn a_spot_price_is_said_to_be_one_and_what_lasting_capacity_costs() {
        let bought = |purchase, price| Profile { purchase, ..machine("c7i.medium", price, 1.0) };
        let machines = [
            bought(Purchase::OnDemand, "0.0535"),
            bought(Purchase::Spot, "0.02"),
            bought(Purchase::Owned, "0.03"),
            bought(Purchase::Committed1y, "0.04"),
        ];
        let int8 = [measured("int8.onnx", 1, 4.0)];
        let why = |machines: &[Profile]| answer(&question(), &int8, machines).why;
        // 0.02, 0.04 and 0.0535 × 730
        let text = why(&machines);
        assert!(text.contains("(AWS us-east-1, spot) for $14.60 a month"), "{text}");
        assert!(
            text.ends_with(
                " Spot capacity can be taken away; the cheapest on-demand or committed offer costs $29.20 a month."
            ),
            "{text}"
        );
        let text = why(&machines[1..2]);
        assert!(
            text.ends_with(
                " Spot capacity can be taken away, and no on-demand or committed offer meets the limit."
            ),
            "{text}"
        );
        assert!(!why(&machines[..1]).contains("Spot"));
    }

    #[test]
    fn when_staying_is_cheaper_the_sentence_says_so() {
        let own = Profile { is_measured_machine: true, speed_factor: None, ..machine("desk", "0.2", 2.0) };
        let today = |today| Question { today_per_month: Some(money(today)), ..question() };
        let answered = |asked| answer(&asked, &[measured("int8.onnx", 1, 4.0)], std::slice::from_ref(&own));
        let stays = answered(today("50"));
        assert_eq!(stays.best, Some(0));
        assert!(stays.offers[0].stay && stays.offers[0].meets_limit.is_none() && !stays.offers[1].assumed);
        // 0.2 × 730 = 146
        let p99 = duration_ms(stays.offers[1].p99_ms.unwrap());
        assert_eq!(
            stays.why,
            format!(
                "Staying as you are is cheapest at $50.00 a month if these requests are all that this spend \
                 serves, but its latency is not known. The cheapest measured offer within 50.0 ms is int8.onnx at \
                 batch 1 on 1 thread, on 1 × desk (AWS us-east-1, on demand), for $146.00 a month, $96.00 more. Its \
                 p99, estimated at {p99}, is the wait and the model's run alone, without network and pre- or \
                 post-processing."
            )
        );
        let equal = answered(today("146"));
        assert_eq!((equal.best, equal.offers[0].stay), (Some(1), true));
        assert!(
            equal.why.contains(
                " for $146.00 a month, as much as today if these requests are all that this spend serves. "
            ),
            "{}",
            equal.why
        );
        let unknown = answered(Question { today_per_month: None, ..question() });
        assert!(!unknown.why.contains("today"), "{}", unknown.why);
    }

    #[test]
    fn when_nothing_fits_the_sentence_says_what_stands_in_the_way() {
        let machines = [machine("c7i.large", "0.08925", 2.0)];
        let asked = Question { p99_limit_ms: 5.0, ..question() };
        let answer =
            answer(&asked, &[measured("full.onnx", 1, 10.0), measured("full.onnx", 4, 25.0)], &machines);
        assert_eq!(answer.best, None);
        assert!(
            answer.why.starts_with(
                "No measured choice serves 120 requests/s within 5.00 ms. The nearest is full.onnx at batch 1 on 1 \
                 thread on 1 × c7i.large (AWS us-east-1, on demand), p99 estimated at "
            ) && answer.why.ends_with(
                "one inference alone takes 15.0 ms at p99, the limit is 5.00 ms. Raise the limit, or measure a \
                 smaller batch, more threads or a smaller model."
            ),
            "{}",
            answer.why
        );
        // Batches fill too slowly: three more requests of 12 a second take 700 ms at p99.
        let slow = Question { rps: 12.0, ..question() };
        let batched = super::answer(&slow, &[measured("full.onnx", 4, 25.0)], &machines);
        let offer = batched.offers.iter().find(|offer| !offer.stay).unwrap();
        assert_eq!(offer.meets_limit, Some(false));
        assert_eq!(
            offer.reason,
            "filling a batch of 4 takes 700 ms at p99 at 12.0 requests/s and the inference 37.5 ms, the limit is 50.0 ms"
        );
    }

    #[test]
    fn no_demand_needs_one_machine_and_has_no_cost_per_request() {
        let asked = Question { rps: 0.0, ..question() };
        let models = [measured("int8.onnx", 1, 4.0), measured("int8.onnx", 4, 9.0)];
        let answer = answer(&asked, &models, &[machine("c7i.large", "0.08925", 2.0)]);
        let offer = |batch: u64| answer.offers.iter().find(|offer| offer.batch == batch).unwrap();
        assert_eq!((offer(1).replicas, offer(1).p99_ms, offer(1).meets_limit), (1, Some(6.0), Some(true)));
        assert_eq!((offer(1).cost_per_thousand, offer(1).utilisation), (None, Some(0.0)));
        assert_eq!(offer(1).reason, "without requests there is no cost per request");
        assert_eq!((offer(4).p99_ms, offer(4).meets_limit), (None, Some(false)));
        assert_eq!(offer(4).reason, "a batch of 4 never fills without requests");
    }

    #[test]
    fn what_cannot_be_offered_is_counted_with_its_reason() {
        let base = machine("m", "0.1", 2.0);
        let machines = [
            base.clone(),
            Profile { speed_factor: None, ..base.clone() },
            Profile { currency: "EUR".to_owned(), ..base.clone() },
            Profile { speed_factor: Some(f64::NAN), ..base.clone() },
            Profile { price_per_hour: money("-1"), ..base.clone() },
            Profile { price_per_hour: Money::ZERO, ..base.clone() },
            Profile { accelerator: Some("NVIDIA T4".to_owned()), accelerator_count: 1, ..base.clone() },
            Profile { memory_gib: Some(0.1), ..base.clone() },
        ];
        let two_threads = Measured { threads: 4, ..measured("int8.onnx", 1, 3.0) };
        let broken = Measured { p50_ms: f64::NAN, ..measured("broken.onnx", 1, 1.0) };
        let short = Measured { samples: 661, ..measured("short.onnx", 1, 1.0) };
        let models = [measured("int8.onnx", 1, 4.0), two_threads, broken, short];
        let answer = answer(&question(), &models, &machines);
        assert_eq!(answer.offers.len(), 2);
        let counts: Vec<(&str, usize)> =
            answer.left_out.iter().map(|(why, count)| (why.as_str(), *count)).collect();
        assert_eq!(
            counts,
            [
                ("machines whose speed relative to the measured one is not known", 1),
                ("machines priced in another currency", 1),
                ("machines with an unusable price, speed or number of virtual CPUs", 3),
                ("measurements without a usable latency or throughput", 1),
                ("measurements with fewer than 662 samples, which tell no p99", 1),
                ("pairings of a CPU measurement with a machine that has an accelerator", 2),
                ("pairings of a measurement with a machine that has fewer virtual CPUs than its threads", 2),
                ("pairings of a measurement with a machine whose memory it does not fit", 1),
            ]
        );
        assert!(
            answer.why.contains(
                "Not offered: machines whose speed relative to the measured one is not known (1); "
            ),
            "{}",
            answer.why
        );
    }

    #[test]
    fn a_p99_from_too_few_samples_is_not_planned_with() {
        let of = |samples| Measured { samples, ..measured("int8.onnx", 1, 4.0) };
        let machines = [machine("c7i.medium", "0.0535", 1.0)];
        assert_eq!(answer(&question(), &[of(662)], &machines).offers.len(), 2);
        let refused = answer(&question(), &[of(661), of(0)], &machines);
        assert_eq!((refused.offers.len(), refused.best), (1, None));
        assert_eq!(
            refused.left_out,
            [("measurements with fewer than 662 samples, which tell no p99".to_owned(), 2)]
        );
        assert_eq!(
            refused.why,
            "No measurement is long enough to plan with: measure for more seconds. Not offered: measurements with \
             fewer than 662 samples, which tell no p99 (2)."
        );
    }

    #[test]
    fn a_price_is_assumed_unless_the_machine_priced_is_the_one_that_measured() {
        for (own_profile, same_machine, assumed) in
            [(true, true, false), (true, false, true), (false, true, true), (false, false, true)]
        {
            let priced = Profile { is_measured_machine: own_profile, ..machine("m", "0.1", 2.0) };
            let one = Measured { same_machine, ..measured("int8.onnx", 1, 4.0) };
            let answer = answer(&question(), &[one], &[priced]);
            assert_eq!(answer.offers[answer.best.unwrap()].assumed, assumed, "{own_profile} {same_machine}");
        }
    }

    #[test]
    fn two_files_of_one_name_are_two_variants() {
        let of = |id: &str, p50_ms| Measured { id: id.to_owned(), ..measured("model.onnx", 1, p50_ms) };
        let machines = [machine("c7i.medium", "0.0535", 1.0)];
        let answer = answer(&question(), &[of("a", 10.0), of("b", 4.0)], &machines);
        let ids: Vec<&str> = answer.offers.iter().map(|offer| offer.id.as_str()).collect();
        assert_eq!(ids, ["b", "a", ""]);
        // At 60 % use 120/s need two machines at 100/s each and one at 250/s.
        assert!(
            answer.why.contains(" The cheapest offer with another model.onnx costs 2.0× as much."),
            "{}",
            answer.why
        );
    }

    #[test]
    fn a_short_list_is_the_beginning_of_the_long_one() {
        let machines: Vec<Profile> = (1..40)
            .map(|i| machine(&format!("m{i}"), &format!("0.{:02}", i * 7 % 40 + 3), f64::from(i % 9 + 1)))
            .collect();
        let models =
            [measured("full.onnx", 1, 10.0), measured("int8.onnx", 1, 4.0), measured("slow.onnx", 1, 45.0)];
        for today in ["0.01", "60", "1e9"] {
            let asked = Question { today_per_month: Some(money(today)), ..question() };
            let full = answer(&asked, &models, &machines);
            let short = answer_first(&asked, &models, &machines, 7);
            let without_stay =
                |offers: &[Offer]| offers.iter().filter(|o| !o.stay).take(7).cloned().collect::<Vec<_>>();
            assert_eq!(without_stay(&full.offers), without_stay(&short.offers));
            assert_eq!((short.offers.len(), &short.why), (8, &full.why));
            assert_eq!(short.offers[short.best.unwrap()], full.offers[full.best.unwrap()]);
            assert_eq!(
                short.left_out.last(),
                Some(&("further offers, not listed".to_owned(), full.offers.len() - 8))
            );
        }
    }

    #[test]
    fn an_impossible_question_is_answered_with_what_is_wrong() {
        for (asked, word) in [
            (Question { rps: -1.0, ..question() }, "demand"),
            (Question { rps: f64::NAN, ..question() }, "demand"),
            (Question { p99_limit_ms: 0.0, ..question() }, "p99 limit"),
            (Question { utilisation: 1.1, ..question() }, "utilisation"),
            (Question { utilisation: 0.0, ..question() }, "utilisation"),
        ] {
            let answer = answer(&asked, &variants(), &[machine("m", "0.1", 2.0)]);
            assert!(
                answer.offers.len() == 1 && answer.best.is_none() && answer.why.contains(word),
                "{}",
                answer.why
            );
        }
    }
}
