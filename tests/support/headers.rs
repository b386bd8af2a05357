//! Header sets out of a seed: every style that a tracer reads, whole or broken by edits, together and repeated.

use spanglass::http::Headers;

/// splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

/// `count` header sets.
pub fn header_sets(seed: u64, count: usize) -> Vec<Headers> {
    let mut random = Random::new(seed);
    (0..count).map(|_| header_set(&mut random)).collect()
}

/// Which headers make up a style.
const STYLES: [fn(&mut Random, &Ids, &mut Lines); 6] = [w3c, datadog, b3_multi, b3_single, jaeger, baggage];

type Lines = Vec<(String, String)>;

fn header_set(random: &mut Random) -> Headers {
    let ids = Ids::new(random);
    let mut lines = Lines::new();
    // Two thirds of the sets hold W3C or Datadog headers, as in the field; each further style is less likely.
    for (style, percent) in STYLES.into_iter().zip([65, 65, 30, 30, 30, 15]) {
        if random.chance(percent) {
            // Another trace, another parent, or another form of the same ids.
            let ids = match random.below(6) {
                0 => Ids::new(random),
                1 => Ids { span: random.next(), ..ids },
                2 => Ids { high: 0, ..ids },
                _ => Ids { ..ids },
            };
            style(random, &ids, &mut lines);
        }
    }
    for _ in 0..[0, 0, 1, 1, 1, 2, 3][random.below(7)] {
        break_one(random, &mut lines);
    }
    let mut headers = Headers::default();
    for (name, value) in lines {
        headers.push(name, value);
    }
    headers
}

struct Ids {
    high: u64,
    low: u64,
    span: u64,
}

impl Ids {
    fn new(random: &mut Random) -> Self {
        let high = match random.below(4) {
            0 => 0,
            1 => random.next(),
            _ => (1_760_000_000 + random.next() % 90_000_000) << 32,
        };
        // Small numbers show how ids are padded.
        let (mut low, mut span) = (random.next(), random.next());
        if random.chance(8) {
            low >>= 8 * random.below(8);
        }
        if random.chance(8) {
            span >>= 8 * random.below(8);
        }
        Ids { high, low, span }
    }

    fn trace(&self) -> String {
        format!("{:016x}{:016x}", self.high, self.low)
    }
}

fn push(lines: &mut Lines, name: &str, value: impl Into<String>) {
    lines.push((name.to_owned(), value.into()));
}

fn w3c(random: &mut Random, ids: &Ids, lines: &mut Lines) {
    let version = random.pick(&["00", "00", "00", "00", "00", "00", "01", "cc", "fe", "FE", "ff", "FF", "0", "000"]);
    let flags = random
        .pick(&["01", "01", "01", "00", "00", "02", "03", "04", "7f", "80", "ff", "FF", "1", "001", "0x", "-1", ""]);
    let tail = random.pick(&["", "", "", "", "", "", "", "", "-", "-x", "--", "-01", " ", "\n", "-\n", "x"]);
    let value = match random.below(30) {
        0 => String::new(),
        1 => format!("{version}-{}-{:x}-{flags}{tail}", ids.trace(), ids.span),
        2 => format!("{version}-{:x}-{:016x}-{flags}{tail}", ids.low, ids.span),
        3 => format!("{version}-{:032}-{:016x}-{flags}{tail}", 0, ids.span),
        4 => format!("{version}-{}-{:016}-{flags}{tail}", ids.trace(), 0),
        5 => format!("{version}-{}-{:016X}-{flags}{tail}", ids.trace().to_uppercase(), ids.span),
        // Mostly whole: a fault in every field would leave nothing to compare.
        6..=13 => format!("{version}-{}-{:016x}-{flags}{tail}", ids.trace(), ids.span),
        _ => format!("00-{}-{:016x}-{}", ids.trace(), ids.span, random.pick(&["00", "01", "01", "03"])),
    };
    push(lines, "traceparent", value);
    if random.chance(50) {
        let mut members: Vec<String> = Vec::new();
        for _ in 0..1 + random.below(3) {
            let member = match random.below(12) {
                0 => random.pick(&["", " ", "congo", "a b=1", "=x", "k=", "k=a\tb", "k=é", "UP=1", "k=v=w"]).to_owned(),
                1 => format!("k{}=v", random.below(9)),
                2 => "rojo=00f067aa0ba902b7".to_owned(),
                3 => format!("big={}", "x".repeat(random.below(600))),
                4 => "ot=th:8;rv:1234567890abcd".to_owned(),
                _ => dd_member(random, ids),
            };
            members.push(member);
        }
        if random.chance(3) {
            members.splice(0..0, (0..30 + random.below(6)).map(|n| format!("m{n}=1")));
        }
        push(lines, "tracestate", members.join(random.pick(&[",", ",", ", ", " ,\t"])));
    }
}

/// The member of Datadog, whose fields decide.
fn dd_member(random: &mut Random, ids: &Ids) -> String {
    let mut fields: Vec<String> = Vec::new();
    if random.chance(85) {
        let s = random.pick(&[
            "1",
            "1",
            "2",
            "0",
            "-1",
            "-2",
            "",
            "x",
            " 1",
            "1 ",
            "+1",
            "1_0",
            "300",
            "1.5",
            "9999999999999999999999",
            "٣",
        ]);
        fields.push(format!("s:{s}"));
    }
    if random.chance(40) {
        fields.push(format!("o:{}", random.pick(&["rum", "rum", "synthetics", "a~b", "", "lambda"])));
    }
    if random.chance(40) {
        fields.push(format!("p:{:016x}", ids.span));
    }
    if random.chance(30) {
        fields.push(
            random.pick(&["t.dm:-4", "t.tid:640cfd8d00000000", "x", "p:", ":", "s:2", " s:-1", "t.a b:c"]).to_owned(),
        );
    }
    format!("{}{}", random.pick(&["dd=", "dd=", "dd=", "dd=", " dd=", "dd =", "DD="]), fields.join(";"))
}

/// Forms of a decimal number that some readers take and others do not.
fn decimal(random: &mut Random, value: u64) -> String {
    match random.below(40) {
        0 => format!("+{value}"),
        1 => format!("-{value}"),
        2 => format!("0{value}"),
        3 => format!("{value:016x}"),
        4 => format!("0x{value:x}"),
        5 => format!("{value}_0"),
        6 => format!("{value}{value}"),
        7 => format!("\u{a0}{value}"),
        8 => format!("{value} x"),
        9 => "0".to_owned(),
        10 => "000".to_owned(),
        11 => String::new(),
        12 => value.to_string().replace('3', "٣"),
        13 => "18446744073709551616".to_owned(),
        14 => format!("{value}.0"),
        15 => format!("{value},{value}"),
        _ => value.to_string(),
    }
}

fn datadog(random: &mut Random, ids: &Ids, lines: &mut Lines) {
    if random.chance(95) {
        push(lines, "x-datadog-trace-id", decimal(random, ids.low));
    }
    if random.chance(90) {
        push(lines, "x-datadog-parent-id", decimal(random, ids.span));
    }
    if random.chance(75) {
        let priority = random.pick(&[
            "1",
            "1",
            "2",
            "0",
            "-1",
            "3",
            "",
            "x",
            "1x",
            "+1",
            " 1",
            "1.0",
            "-",
            "99999999999999999999",
            "-0",
            "1_0",
        ]);
        push(lines, "x-datadog-sampling-priority", priority);
    }
    if random.chance(25) {
        push(lines, "x-datadog-origin", random.pick(&["rum", "synthetics", "", "lambda"]));
    }
    if ids.high != 0 || random.chance(20) {
        let tid = match random.below(12) {
            0 => format!("{:016X}", ids.high),
            1 => format!("{:x}", ids.high),
            2 => "0000000000000000".to_owned(),
            3 => format!(" {:016x}", ids.high),
            4 => "-00000000000000f".to_owned(),
            5 => "0x0000000000000f".to_owned(),
            _ => format!("{:016x}", ids.high),
        };
        let others =
            ["_dd.p.dm=-4", "_dd.p.usr.id=Zm9v", "_dd.p.=x", "a=b", "x", "_dd.p.k=", "_dd.p.k=a=b", "", "_dd.p.é=1"];
        let mut tags = vec![format!("_dd.p.tid={tid}")];
        for _ in 0..random.below(3) {
            let known = if random.chance(60) { &others[..2] } else { &others[..] };
            let (at, tag) = (random.below(tags.len() + 1), random.pick(known));
            tags.insert(at, tag.to_owned());
        }
        if random.chance(5) {
            tags.push(format!("_dd.p.long={}", "x".repeat(440 + random.below(60))));
        }
        if random.chance(5) {
            tags.push(format!("_dd.p.tid={:016x}", random.next()));
        }
        push(lines, "x-datadog-tags", tags.join(random.pick(&[",", ",", ",", ", "])));
    }
}

/// Forms of a hex id.
fn hex(random: &mut Random, id: &str) -> String {
    match random.below(30) {
        0 => id.to_uppercase(),
        1 => id.trim_start_matches('0').to_owned(),
        2 => format!("0{id}"),
        3 => format!("0x{}", &id[2..]),
        4 => "0".repeat(id.len()),
        5 => String::new(),
        6 => format!("-{}", &id[1..]),
        7 => format!("{}_{}", &id[..3], &id[4..]),
        8 => format!("{}g", &id[1..]),
        9 => format!("{id} "),
        10 => id[id.len() - 8..].to_owned(),
        11 => format!("+{}", &id[1..]),
        12 => id.replace('4', "٤"),
        _ => id.to_owned(),
    }
}

fn b3_multi(random: &mut Random, ids: &Ids, lines: &mut Lines) {
    let trace = if ids.high == 0 { format!("{:016x}", ids.low) } else { ids.trace() };
    if random.chance(92) {
        push(lines, "x-b3-traceid", hex(random, &trace));
    }
    if random.chance(90) {
        push(lines, "x-b3-spanid", hex(random, &format!("{:016x}", ids.span)));
    }
    if random.chance(75) {
        push(lines, "x-b3-sampled", random.pick(&["1", "1", "0", "true", "false", "True", "d", "", "2", "-1", "x"]));
    }
    if random.chance(15) {
        push(lines, "x-b3-flags", random.pick(&["1", "0", "", "true"]));
    }
}

fn b3_single(random: &mut Random, ids: &Ids, lines: &mut Lines) {
    let trace = if ids.high == 0 { format!("{:016x}", ids.low) } else { ids.trace() };
    let (trace, span) = (hex(random, &trace), hex(random, &format!("{:016x}", ids.span)));
    let value = match random.below(16) {
        0 => random.pick(&["0", "1", "d", "", "x", "-", "--", "true"]).to_owned(),
        1 => trace,
        2 | 3 => format!("{trace}-{span}"),
        4 => format!("{trace}-{span}-{}", random.pick(&["", "x", "true", "True", "2", "D"])),
        5 => format!("{trace}-{span}-1-{:016x}", ids.low),
        6 => format!("{trace}-{span}-1-{:016x}-x", ids.low),
        7 => format!("b3: {trace}-{span}-1 "),
        _ => format!("{trace}-{span}-{}", random.pick(&["1", "0", "d"])),
    };
    push(lines, "b3", value);
}

fn jaeger(random: &mut Random, ids: &Ids, lines: &mut Lines) {
    let between = random.pick(&[":", ":", ":", ":", "%3A", "%3a", "%"]);
    let flags = random.pick(&["1", "1", "0", "3", "01", "ff", "", "x", "001", "-1", " 1", "0x1", "g"]);
    let (trace, span) = (hex(random, &ids.trace()), hex(random, &format!("{:016x}", ids.span)));
    let parent = random.pick(&["0", "0", "", "x", "00f067aa0ba902b7"]);
    push(lines, "uber-trace-id", [trace.as_str(), &span, parent, flags].join(between));
}

fn baggage(random: &mut Random, _: &Ids, lines: &mut Lines) {
    push(lines, "baggage", random.pick(&["a=1", "a=1,b=2", "a", "=1", "a=", "a=1;p=2", "", "a=%zz", "a=1,,b=2"]));
}

/// One edit: of a value, or of the lines.
fn break_one(random: &mut Random, lines: &mut Lines) {
    if lines.is_empty() {
        return;
    }
    let at = random.below(lines.len());
    match random.below(20) {
        0 | 1 => {
            let line = lines[at].clone();
            lines.push(line);
        }
        2 => {
            let (name, mut value) = lines[at].clone();
            edit(random, &mut value);
            lines.insert(random.below(lines.len() + 1), (name, value));
        }
        3 => {
            lines.remove(at);
        }
        4 => lines[at].0 = lines[at].0.to_uppercase(),
        5 => lines[at].0 = format!("http_{}", lines[at].0.replace('-', "_")),
        6 => lines[at].1 = String::new(),
        7 => lines[at].1 = format!("{}{}", random.pick(&[" ", "\t", "\u{a0}", "\u{feff}", "\x0b"]), lines[at].1),
        8 => lines[at].1.push_str(random.pick(&[" ", "\t", "\u{a0}", "\n", "\r", "\x1f", "\u{2028}"])),
        9 => lines[at].0 = format!(" {}\t", lines[at].0),
        _ => edit(random, &mut lines[at].1),
    }
}

/// Inserts, removes, replaces or swaps characters.
fn edit(random: &mut Random, value: &mut String) {
    let inserted = [
        "0", "1", "f", "F", "g", "-", "_", ":", ";", ",", "=", "%", " ", "\t", "+", ".", "x", "é", "٠", "\u{0}", "dd=",
    ];
    let mut characters: Vec<char> = value.chars().collect();
    let at = random.below(characters.len() + 1);
    match random.below(6) {
        0 | 1 => drop(characters.splice(at..at, random.pick(&inserted).chars())),
        2 if at < characters.len() => drop(characters.remove(at)),
        3 if at < characters.len() => drop(characters.splice(at..=at, random.pick(&inserted).chars())),
        4 if at > 0 && at < characters.len() => characters.swap(at - 1, at),
        _ => characters.truncate(at),
    }
    *value = characters.into_iter().collect();
}
