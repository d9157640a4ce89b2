"""The oracle's answers for campaigns: whom they should reach, and whether they worked."""

import collections
import math

from oracle import COPILOT, DAY, FIVE, OWN, SIX, SUITE, first, month_after
from oracle_places import last_reading

MIN_SEGMENT, MIN_GAIN, HIGH, LOW, HALF, DROP = 20, 3, 0.75, 0.25, 0.5, 0.2


def quantile(values, q):
    values = sorted(values)
    at = (len(values) - 1) * q
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def half_up(x):
    return math.floor(x + 0.5)


def campaign_opportunities(oracle):
    _, adoption = oracle.adoption_by_segment()
    _, tenant = oracle.tenant_product_usage()
    out = {}
    for month in oracle.months:
        habits = collections.defaultdict(collections.Counter)
        done = collections.Counter()
        for (product, who, _), acts in oracle.done[month].items():
            for activity, n in acts.items():
                done[who, product, activity] += n
        read = last_reading(oracle, "office365_activations_user_detail", month)
        activated = {
            oracle.who(r["person_id"], read) for r in oracle.truth.of_days("activation_day")[read] if r["last_activated"]
        } if read else set()
        people = {w for (_, w) in oracle.upm[month]}
        active = {k for k, r in oracle.upm[month].items() if r["active"]}
        enabled_people = {k for k, r in oracle.upm[month].items() if r["enabled"]}
        for who in people:
            mine = collections.Counter(
                mails=done[who, "exchange", "send"],
                shared=sum(done[who, p, f"shared_{x}ternally"] for p in ("onedrive", "sharepoint") for x in ("in", "ex")),
                meetings=done[who, "teams", "meeting"],
                messages=done[who, "teams", "private_chat"] + done[who, "teams", "team_chat"],
                reads=done[who, "viva_engage", "read"],
                posts=done[who, "viva_engage", "posted"] + done[who, "viva_engage", "liked"],
                exchange=("exchange", who) in active, teams=("teams", who) in active,
                never=("microsoft365_apps", who) in enabled_people and who not in activated,
            )
            for key in oracle.segments(month, who):
                habits[key].update(mine)
        best = max((r["active_rate"] for (p,), r in tenant[month].items() if p != "microsoft365" and r["active_rate"] is not None), default=None)
        rows = out[month] = {}
        groups = collections.defaultdict(list)
        for (product, attribute, value), r in adoption[month].items():
            if r["enabled_users"] and product != "skype_for_business":
                groups[product, attribute].append((value, r))
        for (product, attribute), members in groups.items():
            target = oracle.targets.get(product, best * HALF)
            large = [(v, r) for v, r in members if v != "(none)" and r["enabled_users"] >= MIN_SEGMENT]
            each = {}
            for v, r in members:
                h = habits[attribute, v]
                each[v] = dict(
                    mails=h["mails"] / h["exchange"] if h["exchange"] else None,
                    shared=h["shared"] / r["enabled_users"],
                    meetings=h["meetings"] / h["teams"] if h["teams"] else None,
                    messages=h["messages"] / h["teams"] if h["teams"] else None,
                )
            at = lambda name, q: (lambda xs: quantile(xs, q) if xs else None)([each[v][name] for v, _ in large if each[v][name] is not None])  # noqa: E731
            mails, shared, meetings, messages = at("mails", 0.5), at("shared", LOW), at("meetings", 0.5), at("messages", LOW)
            reference = target
            if len(large) >= 4:
                reference = max(target, quantile([r["active_rate"] for _, r in large], HIGH))
            made = []
            for v, r in members:
                rate, enabled = r["active_rate"], r["enabled_users"]
                gain = max(0, half_up((reference - rate) * float(enabled)))
                old = adoption.get(month_after(month, -3), {}).get((product, attribute, v))
                old_rate = old["active_rate"] if old and old["is_complete"] and r["is_complete"] else None
                h, e = habits[attribute, v], each[v]
                pattern, evidence = None, None
                if (v, r) in large and gain >= MIN_GAIN and r["is_complete"]:
                    many = e["mails"] is not None and mails is not None and e["mails"] >= mails
                    meets = e["meetings"] is not None and e["meetings"] >= meetings and e["messages"] <= messages
                    if product in ("onedrive", "sharepoint") and rate < HALF * reference and many and e["shared"] <= shared:
                        pattern = "mails_instead_of_sharing"
                    elif old_rate is not None and rate <= old_rate - DROP:
                        pattern = "stopped_using"
                    elif rate < HALF * reference:
                        pattern = "licensed_not_used"
                    elif product == "teams" and meets:
                        pattern = "meets_without_chat"
                    elif product == "viva_engage" and h["reads"] and not h["posts"]:
                        pattern = "reads_only"
                    elif product == "microsoft365_apps" and read and h["never"] >= HALF * enabled:
                        pattern = "never_activated"
                    else:
                        pattern = "below_reference"
                    evidence = (
                        f"{r['active_enabled_users']} of {enabled} enabled people are active ({half_up(rate * 100)} %); "
                        f"the reference is {half_up(reference * 100)} %"
                    ) + {
                        "mails_instead_of_sharing": lambda: f". They send {half_up(e['mails'])} mails a person and share "
                        f"{half_up(e['shared'] * 10)} files for ten people",
                        "stopped_using": lambda: f". Three months before it was {half_up(old_rate * 100)} %",
                        "meets_without_chat": lambda: f". They take part in {half_up(e['meetings'])} meetings a person and "
                        f"write {half_up(e['messages'])} messages",
                        "reads_only": lambda: f". They read {h['reads']} messages, and posted or liked none",
                        "never_activated": lambda: f". {h['never']} have the apps and never activated them",
                    }.get(pattern, str)()
                row = dict(
                    enabled=enabled, active_enabled=r["active_enabled_users"], rate=rate, target_rate=target,
                    reference_rate=reference, people_to_gain=gain, is_complete=r["is_complete"], level=r["level"],
                    pattern=pattern, evidence=evidence,
                )
                rows[product, attribute, v] = row
                made.append((-gain, -enabled, v))
            for rank, (_, _, v) in enumerate(sorted(made), 1):
                rows[product, attribute, v]["rank"] = rank
    return ["product", "attribute", "value"], out


def covered_days(oracle, product):
    """Day → when it was read last."""
    if product == "microsoft365":
        all_ = [covered_days(oracle, p) for p in FIVE]
        return {d: min(c[d] for c in all_) for d in set.intersection(*(set(c) for c in all_))}
    found = {}
    for s in oracle.ledger.slices:
        own = s["report"] == OWN[product] and s["period"] == 1
        night = s["report"] == SUITE and product in SIX or s["report"] == COPILOT and product == "copilot"
        known = s["status"] == "landed" or s["status"] == "empty" and s["period"] == 1 and s["day"] < oracle.today - 28 * DAY
        if (own or night) and known:
            found[s["day"]] = max(s["read"], found.get(s["day"], s["read"]))
    return found


def campaign_effect(oracle):
    out = {m: {} for m in oracle.months}
    for c in oracle.campaigns:
        start, end, product = c["start_day"], c["last_day"], c["product"]
        month, before = first(start), month_after(first(start), -1)
        spans = dict(
            placebo=(start - 56 * DAY, start - 29 * DAY), before=(start - 28 * DAY, start - DAY), during=(start, end),
            after=(end + DAY, end + 28 * DAY), later=(end + 92 * DAY, end + 119 * DAY),
        )
        nights = [d for d in oracle.ledger.landed(SUITE, False) if before <= first(d) and d < start]
        enabled = set()
        for person, row in oracle.truth.listed("suite", nights[-1], False):
            products = set(SIX) & row["enabled"] if product == "microsoft365" else {product} & row["enabled"]
            if products and not row["is_deleted"]:
                enabled.add(oracle.who(person, nights[-1]))
        segments = {w: oracle.segments(before, w) for w in enabled}
        others = [o for o in oracle.campaigns if o["start_day"] <= end and o["last_day"] >= start]
        target = {w for w in enabled if (c["attribute"], c["value"]) in segments[w]}
        control = {w for w in enabled if not any((o["attribute"], o["value"]) in segments[w] for o in others)}
        read = covered_days(oracle, product)
        begun = oracle.begun[product]
        whole = {n: all(a + i * DAY in read for i in range(28)) for n, (a, _) in spans.items()}
        whole["before"] &= spans["before"][0] >= begun + 28 * DAY
        whole["placebo"] &= spans["placebo"][0] >= begun + 28 * DAY
        was = lambda w, n: any(spans[n][0] <= d <= spans[n][1] for d in oracle.active.get((product, w), ()))  # noqa: E731
        row = dict(
            target_users=len(target), control_users=len(control), product=product, attribute=c["attribute"],
            value=c["value"], start_day=start, last_day=end,
        )
        for name, group in (("target", target), ("control", control)):
            for n in ("before", "during", "after", "later"):
                count = sum(was(w, n) for w in group)
                row[f"{name}_active_{n}"] = count if n == "during" or whole[n] else None
                if n != "during":
                    row[f"{name}_rate_{n}"] = count / len(group) if whole[n] else None
        diff = lambda g, a, b: [was(w, a) - was(w, b) for w in g]  # noqa: E731
        mean = lambda xs: sum(xs) / len(xs)  # noqa: E731, B023
        variance = lambda xs: sum((x - mean(xs)) ** 2 for x in xs) / (len(xs) - 1)  # noqa: E731, B023
        gap = lambda a, b: mean(diff(target, a, b)) - mean(diff(control, a, b))  # noqa: E731
        both = whole["before"] and whole["after"]
        row["effect"] = gap("after", "before") if both else None
        row["later_effect"] = gap("later", "before") if whole["before"] and whole["later"] else None
        row["placebo_effect"] = gap("before", "placebo") if whole["before"] and whole["placebo"] else None
        t, k = diff(target, "after", "before"), diff(control, "after", "before")
        error = math.sqrt(variance(t) / len(t) + variance(k) / len(k))
        row["standard_error"] = error if both else None
        row["effect_low"] = row["effect"] - 1.96 * error if both else None
        row["effect_high"] = row["effect"] + 1.96 * error if both else None
        last = spans["after"][1]
        row["is_final"] = whole["after"] and read.get(last) is not None and read[last] >= last + 2 * DAY
        out[month][c["campaign"], product] = row
    return ["campaign", "product"], out

