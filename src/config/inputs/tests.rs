//! Every form: values, their lines and columns, and findings.

use super::*;
use crate::diagnostic::Severity;
use std::fmt::Write;
use std::io;

fn input(path: &str, text: &str) -> Input {
    Input { path: path.into(), bytes: Ok(text.as_bytes().to_vec()), form: None }
}

fn no_file(_: &Path) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::NotFound.into())
}

/// `line:column-end` of a place in `text`, columns in characters from 1.
fn at(place: Option<&Place>, files: &[(&str, &str)]) -> String {
    let Some(Place::Text { source, range, line }) = place else { return "-".into() };
    let Some((_, text)) = files.iter().find(|(path, _)| Source::File(path.into()) == *source) else {
        return format!("{source}");
    };
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let column = text[start..range.start].chars().count() + 1;
    assert_eq!(*line, Some(text[..range.start].matches('\n').count() as u64 + 1), "line of {range:?}");
    let first = files.first().is_some_and(|(path, _)| Source::File(path.into()) == *source);
    let file = if first { String::new() } else { format!("{source}:") };
    format!("{file}{}:{column}-{}", line.unwrap_or(0), column + text[range.clone()].chars().count())
}

fn show_finding(finding: &Finding, files: &[(&str, &str)]) -> String {
    let (id, about) = (finding.code().id(), &finding.about);
    format!("{id} {about} {} {}", at(finding.diagnostic.place(), files), finding.diagnostic.message())
}

/// Targets and findings, one line each. A value whose parts have no places is marked with `~`.
fn show(files: &[(&str, &str)], profile: Profile, dialect: Dialect, process: Option<&[(&str, &str)]>) -> String {
    let inputs: Vec<Input> = files.iter().map(|(path, text)| input(path, text)).collect();
    let process: Option<Vec<(String, String)>> =
        process.map(|process| process.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
    let (targets, findings) = targets(&inputs, profile, dialect, process.as_deref(), &no_file);
    let mut out = String::new();
    for target in targets {
        let _ = writeln!(out, "[{}]{}", target.name, if target.container { "" } else { " here" });
        for entry in &target.env {
            let (name, value) = (at(entry.name_place.as_ref(), files), at(entry.value_place.as_ref(), files));
            let sign = if entry.verbatim { "" } else { "~" };
            let _ = writeln!(out, "{}={}{sign} {name} {value}", entry.name, entry.value.escape_debug());
        }
        if !target.unresolved.is_empty() {
            let _ = writeln!(out, "? {}", target.unresolved.join(" "));
        }
        for finding in &target.findings {
            let _ = writeln!(out, "{}", show_finding(finding, files));
        }
    }
    for finding in &findings {
        let _ = writeln!(out, "! {}", show_finding(finding, files));
    }
    out
}

fn shown(path: &str, text: &str) -> String {
    show(&[(path, text)], Profile::DdTraceCpp, Dialect::Dotenv, None)
}

/// The finding codes and places of a text.
fn codes(path: &str, text: &str) -> Vec<String> {
    let out = shown(path, text);
    let lines = out.lines().map(|line| line.trim_start_matches("! ")).filter(|line| line.starts_with("TC"));
    lines.map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn assert_lines(found: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn dotenv_lines_in_the_usual_dialect() {
    let text = "\u{feff}# comment\r\nexport A=\"a b\" # c\r\nB = x#y #z\nC='$A \\n' \nD=\"\\n\\t\\\"\\$A\\q${A}\"\nE=$A-${N:-d}${A-e}\nF=\nG= # only\n  H=é\nI=\"two\nlines\"\nJ=1\nJ=2\nK=${UNKNOWN}\nL=$K\n";
    assert_lines(
        &shown(".env", text),
        r#"[.env] here
         A=a b 2:8-9 2:11-14
         B=x#y 3:1-2 3:5-8
         C=$A \\n 4:1-2 4:4-9
         D=\n\t\"$A\\qa b~ 5:1-2 5:4-19
         E=a b-da b~ 6:1-2 6:3-19
         F= 7:1-2 7:3-3
         G= 8:1-2 8:3-3
         H=é 9:3-4 9:5-6
         I=two\nlines 10:1-2 10:4-13
         J=2 13:1-2 13:3-4
         ? K L
         TC003 J 13:1-2 J is given twice in one source; this one, the last, counts
         TC004 K 14:3-13 K cannot be resolved here: the value of ${UNKNOWN} is not known
         TC004 L 15:3-5 L cannot be resolved here: the value of ${K} is not known"#,
    );
}

#[test]
fn dotenv_lines_that_are_no_assignments() {
    let text = "not an assignment\nNAME\n=x\nA=\"open\nB='open\nC=\"a\" b\nD=${A\nexport E\nF=\"a\"#c\nG=1\n";
    assert_eq!(
        codes("prod.env", text),
        [
            "TC006 prod.env 1:1-18",
            "TC006 NAME 2:1-5",
            "TC006 prod.env 3:1-3",
            "TC006 A 4:1-8",
            "TC006 B 5:1-8",
            "TC006 C 6:7-8",
            "TC006 D 7:3-6",
            "TC006 E 8:1-9",
        ]
    );
    assert!(shown("prod.env", text).contains("G=1"));
}

#[test]
fn dotenv_lines_as_docker_takes_them() {
    let text = "# c\n A=\"x\"\nB=y # c\nC=z  \r\nexport D=1\nE\nF=$A '\nG=#h\n";
    assert_lines(
        &show(&[("a.env", text)], Profile::DdTraceCpp, Dialect::Docker, None),
        r#"[a.env] here
         A=\"x\" 2:2-3 2:4-7
         B=y # c 3:1-2 3:3-8
         C=z   4:1-2 4:3-6
         F=$A \' 7:1-2 7:3-7
         G=#h 8:1-2 8:3-5
         ? E
         TC007 A 2:4-7 docker keeps its quotes as part of the value of A
         TC007 B 3:3-8 docker keeps a comment as part of the value of B
         TC006 a.env 5:1-11 docker refuses blanks in a name
         TC004 E 6:1-2 E cannot be resolved here: its value is taken from the shell"#,
    );
}

#[test]
fn compose_maps() {
    let text = "x-a: &a\n  DD_ENV: prod\n  DD_SERVICE: base\nservices:\n  web:\n    environment:\n      <<: *a\n      DD_SERVICE: 'web'\n      N: 1.10\n      O: 010\n      E: 1e6\n      B: true\n      U:\n      I: \"${X:-d}$$\"\n      J: ${X:?needed}\n      K: a$\n      L: [x]\n      DD_SERVICE: twice\n  none: {image: x}\n  empty:\n    environment: {}\n";
    assert_lines(
        &shown("compose.yaml", text),
        r#"[web]
         DD_ENV=prod 2:3-9 2:11-15
         DD_SERVICE=twice 18:7-17 18:19-24
         N=1.1~ 9:7-8 9:10-14
         O=8~ 10:7-8 10:10-13
         E=1e+06~ 11:7-8 11:10-13
         I=d$~ 14:7-8 14:11-20
         ? B U J K L
         TC005 B 12:10-14 compose refuses the boolean that B is set to
         TC004 U 13:7-8 U cannot be resolved here: its value is taken from the shell that starts compose
         TC004 J 15:10-22 J cannot be resolved here: the value of ${X} is not known; compose takes it from its shell or from .env
         TC002 K 16:11-12 the value of K has a `$` that begins no reference; write `$$` for the character
         TC005 L 17:10-13 compose refuses the array that L is set to
         TC003 DD_SERVICE 18:7-17 DD_SERVICE is given twice in one source; this one, the last, counts
         [empty]"#,
    );
}

#[test]
fn compose_lists_and_extends() {
    let text = "services:\n  base:\n    environment: [A=1, B=2]\n  web:\n    extends: {service: base}\n    environment:\n      - B=x=y\n      - 'C=é'\n      - D=${Z-d}\n      - ${Z:-E}=1\n      - F: 1\n      - G\n      -\n      - A=1\n      - A=2\n  far:\n    extends: {file: other.yaml, service: x}\n    environment: [A=1]\n";
    assert_lines(
        &shown("docker-compose.yml", text),
        r#"[base]
         A=1 3:19-20 3:21-22
         B=2 3:24-25 3:26-27
         [web]
         A=2 15:9-10 15:11-12
         B=x=y 7:9-10 7:11-14
         C=é 8:10-11 8:12-13
         D=d~ 9:9-10 9:11-17
         E=1~ 10:9-18 10:9-18
         ? F G
         TC005 F 11:9-13 an entry of the list is a mapping; write `- F=1`
         TC004 G 12:9-10 G cannot be resolved here: its value is taken from the shell that starts compose
         TC005 web 13:8-8 an entry of the list is not `NAME=value` but of type null
         TC003 A 15:9-10 A is given twice in one source; this one, the last, counts
         [far]
         A=1 18:19-20 18:21-22
         TC004 far 17:14-44 what far extends is not in this file"#,
    );
}

#[test]
fn the_process_environment_wins_when_asked() {
    let files = [("compose.yaml", "services:\n  web:\n    environment:\n      A: 1\n      B:\n      C: ${B}${D:-d}\n")];
    let process = [("A", "process"), ("B", "b"), ("E", "e")];
    assert_lines(
        &show(&files, Profile::DdTraceCpp, Dialect::Dotenv, Some(&process)),
        "[web]
         A=process - A
         B=b - B
         C=bd~ 6:7-8 6:10-21
         E=e - E",
    );
    assert_lines(
        &show(&[], Profile::DdTraceCpp, Dialect::Dotenv, Some(&process)),
        "[process] here
         A=process - A
         B=b - B
         E=e - E",
    );
    assert_lines(&show(&[], Profile::DdTraceCpp, Dialect::Dotenv, None), "[process] here");
}

#[test]
fn kubernetes_values_are_strings() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    env:\n    - {name: A, value: 8126}\n    - {name: B, value: yes}\n    - {name: C, value: 'yes'}\n    - {name: D, value: 1_000}\n    - {name: E, value: }\n    - {name: F}\n    - {name: G, value: true}\n    - {name: 1, value: x}\n    - {value: x}\n    - {name: C, value: again}\n    - {name: H, value: {a: 1}}\n    - {name: I, value: 1.2.3}\n  - name: d\n";
    assert_lines(
        &shown("pod.yaml", text),
        r#"[c]
         C=again 17:14-15 17:24-29
         E= 12:14-15 12:23-23
         F=~ 13:14-15 13:7-16
         I=1.2.3 19:14-15 19:24-29
         ? A B D G H
         TC005 A 8:24-28 Kubernetes takes only strings; A is set to the number 8126
         TC005 B 9:24-27 Kubernetes takes only strings; B is set to the boolean yes
         TC005 D 11:24-29 Kubernetes takes only strings; D is set to the number 1_000
         TC005 G 14:24-28 Kubernetes takes only strings; G is set to the boolean true
         TC005 1 15:14-15 Kubernetes takes only strings as names, not the number 1
         TC005 env 16:7-17 an entry of env has no name
         TC003 C 17:14-15 C is given twice in one source; this one, the last, counts
         TC005 H 18:24-30 Kubernetes takes only strings; H is set to object"#,
    );
}

#[test]
fn kubernetes_references_are_resolved_inside_the_input() {
    let objects = "kind: List\napiVersion: v1\nitems:\n- kind: CronJob\n  metadata: {name: nightly}\n  spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: run, envFrom: [{configMapRef: {name: m}}, {secretRef: {name: s}}, {configMapRef: {name: far}}], env: [{name: D, value: $(A)-$(X_SERVICE_HOST)}, {name: E, value: $(A)$$(A)$(}, {name: F, value: $(NOPE)}, {name: G, valueFrom: {configMapKeyRef: {name: m, key: no, optional: true}}}, {name: H, valueFrom: {configMapKeyRef: {name: m, key: no}}}]}]}}}}}\n- kind: Secret\n  metadata: {name: s}\n  stringData: {TOKEN: secret}\n";
    let maps =
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: m, namespace: n}\ndata:\n  A: a\n  B: 2\n  bad=name: x\n";
    let files = [("job.yaml", objects), ("map.yaml", maps)];
    assert_lines(
        &show(&files, Profile::DdTraceCpp, Dialect::Dotenv, None),
        r#"[run]
         A=a map.yaml:5:3-4 map.yaml:5:6-7
         E=a$(A)$(~ 6:220-221 6:230-241
         ? B TOKEN D F H
         TC005 B map.yaml:6:6-7 Kubernetes takes only strings; B is set to the number 2
         TC004 s 6:130-131 the variables of Secret s are not read
         TC004 far 6:157-160 ConfigMap far is not in the input, so its variables are not known here
         TC004 D 6:188-210 D cannot be resolved here: the value of $(X_SERVICE_HOST) is not known
         TC004 F 6:261-268 F cannot be resolved here: the value of $(NOPE) is not known
         TC004 H 6:402-404 H cannot be resolved here: ConfigMap m has no key no, so the container would not start"#,
    );
    assert!(!shown("job.yaml", objects).contains("=secret"));
    assert_eq!(codes("map.yaml", maps), ["TC010 map.yaml 1:1-1"]);
}

#[test]
fn containers_of_one_name_are_told_apart() {
    let pod = |name: &str| {
        format!(
            "kind: Pod\napiVersion: v1\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, env: [{{name: A, value: x}}]}}]}}\n"
        )
    };
    let text = format!("{}---\n{}---\n{}", pod("one"), pod("two"), pod("three").replace("name: c", "name: d"));
    let names: Vec<String> =
        shown("a.yaml", &text).lines().filter(|line| line.starts_with('[')).map(Into::into).collect();
    assert_eq!(names, ["[pod/one/c]", "[pod/two/c]", "[d]"]);
}

#[test]
fn helm_values_anywhere() {
    let text = "env:\n  DD_SERVICE: web\n  DD_ENV: {{ .Values.env }}\n  DD_TAGS: \"{{ x }}\"\n  N: 8126\n  secret: {T: t, K: {valueFrom: {secretKeyRef: {name: a}}}}\n  Z:\nworkers:\n  - name: blue\n    extraEnv:\n      - name: A\n        value: b\n      - name: C\n        valueFrom: {fieldRef: {fieldPath: x}}\n      - D=e\napp:\n  environment: production\n  envVars: []\n  inner: {extraEnvs: [{name: A, value: true}]}\n";
    assert_lines(
        &shown("values.yaml", text),
        r#"[values.yaml]
         DD_SERVICE=web 2:3-13 2:15-18
         N=8126 5:3-4 5:6-10
         T=t 6:12-13 6:15-16
         ? DD_ENV DD_TAGS K
         TC004 DD_ENV 3:11-28 DD_ENV cannot be resolved here: it is a template
         TC004 DD_TAGS 4:13-20 DD_TAGS cannot be resolved here: it is a template
         TC004 K 6:21-59 K cannot be resolved here: its value comes from somewhere else
         [workers.blue]
         A=b 11:15-16 12:16-17
         D=e~ 15:9-12 15:9-12
         ? C
         TC004 C 14:20-46 C cannot be resolved here: its value comes from somewhere else
         [app.inner]
         A=true 19:30-31 19:40-44"#,
    );
}

#[test]
fn stable_configuration() {
    let text = "apm_configuration_default:\n  DD_SERVICE: all\n  DD_TRACE_DEBUG: true\n  X: [1]\nrules:\n  - selectors: [{origin: language, matches: [java], operator: equals}]\n    configuration: {DD_SERVICE: jvm}\n  - name: mine\n    configuration: {DD_ENV: e}\nrule: []\n";
    assert_lines(
        &shown("application_monitoring.yaml", text),
        r#"[application_monitoring.yaml] here
         DD_SERVICE=all 2:3-13 2:15-18
         DD_TRACE_DEBUG=true 3:3-17 3:19-23
         ? X
         TC102 application_monitoring.yaml 1:1-26 the tracer of this profile reads no stable configuration: application_monitoring.yaml has no effect on it
         TC008 rule 10:1-5 rule is no key of a stable configuration
         TC009 X 4:6-9 X takes text, a number or a boolean, not type array
         [rules[0] (language equals java)] here
         DD_SERVICE=jvm 7:21-31 7:33-36
         DD_TRACE_DEBUG=true 3:3-17 3:19-23
         ? X
         TC009 X 4:6-9 X takes text, a number or a boolean, not type array
         [mine] here
         DD_SERVICE=all 2:3-13 2:15-18
         DD_TRACE_DEBUG=true 3:3-17 3:19-23
         DD_ENV=e 9:21-27 9:29-30
         ? X
         TC009 X 4:6-9 X takes text, a number or a boolean, not type array"#,
    );
}

#[test]
fn files_of_profiles_and_code_reach_their_targets() {
    let run = |files: &[(&str, &str, Option<Form>)], profile| {
        let inputs: Vec<Input> =
            files.iter().map(|(path, text, form)| Input { form: *form, ..input(path, text) }).collect();
        let (targets, findings) = targets(&inputs, profile, Dialect::Dotenv, None, &no_file);
        let targets: Vec<String> = targets
            .iter()
            .map(|target| {
                let has =
                    |node: &Option<Node>| node.as_ref().map_or("-".to_owned(), |node| node.entries().len().to_string());
                format!("{} {} {}", target.name, has(&target.file), has(&target.code))
            })
            .collect();
        let findings: Vec<&str> = findings.iter().map(|finding| finding.code().id()).collect();
        format!("{} | {}", targets.join(", "), findings.join(" "))
    };
    let flowbot = ("flowbot.yaml", "tracing: {enabled: true}\nlisten: x\n", None);
    let otel = ("otel.yaml", "file_format: '1.0'\n", None);
    let env = (".env", "A=1\n", None);
    let code = ("t.json", "{\"service\": \"x\"}", Some(Form::TracerJson));
    assert_eq!(run(&[flowbot], Profile::Flowbot), "flowbot.yaml 2 - | ");
    assert_eq!(run(&[("empty.yaml", "", None)], Profile::Codeq), "empty.yaml 0 - | ");
    assert_eq!(run(&[flowbot, env], Profile::Flowbot), ".env 2 - | ");
    assert_eq!(run(&[otel], Profile::Otel), "otel.yaml 1 - | ");
    assert_eq!(run(&[otel], Profile::DdTraceCpp), " | TC010");
    assert_eq!(run(&[("x.yaml", "a: 1\n", None)], Profile::DdTraceCpp), " | TC010");
    assert_eq!(run(&[("x.yaml", "a: 1\n", Some(Form::Yaml))], Profile::Otel), " | TC010");
    assert_eq!(run(&[code, env], Profile::DdTraceCpp), ".env - 1 | ");
    assert_eq!(run(&[code], Profile::DdTraceCpp), "process - 1 | ");
    let twice = ("t.yaml", "service: a\nservice: b\n", Some(Form::TracerYaml));
    assert_eq!(run(&[twice], Profile::DdTraceCpp), "process - 2 | TC003");
}

#[test]
fn forms_are_told_by_name_and_content() {
    let cases: [(&str, &str, Option<Form>); 16] = [
        (".env", "A=1", Some(Form::Dotenv)),
        ("prod.env", "A=1", Some(Form::Dotenv)),
        (".env.local", "A=1", Some(Form::Dotenv)),
        ("-", "# c\n\nexport DD_SERVICE=a\n", Some(Form::Dotenv)),
        ("-", "services: {a: {environment: [A=1]}}", Some(Form::Compose)),
        ("x.json", "{\"services\": {\"a\": {\"image\": \"x\"}}}", Some(Form::Compose)),
        ("a.yaml", "services: {a: {port: 1}}", None),
        ("compose.yml", "services: {}", Some(Form::Compose)),
        ("a.yaml", "kind: Pod\nspec: {}", Some(Form::Kubernetes)),
        ("a.yaml", "x: 1\n---\nkind: ConfigMap\ndata: {}", Some(Form::Kubernetes)),
        ("a.yaml", "a: {extraEnvs: [{name: x}]}", Some(Form::HelmValues)),
        ("a.yaml", "a: {env: prod}", None),
        ("a.yaml", "apm_configuration_default: {}", Some(Form::StableConfig)),
        ("a.yaml", "file_format: '1.0'", Some(Form::OtelDeclarative)),
        ("a.txt", "just = text", Some(Form::Dotenv)),
        ("a.txt", "just text", None),
    ];
    for (path, text, form) in cases {
        let input = input(path, text);
        let source = Source::File(path.into());
        let found = open(&input, &source, Profile::DdTraceCpp).map(|opened| opened.form);
        assert_eq!(found, Ok(form), "{path}: {text}");
    }
    for form in Form::ALL {
        assert_eq!(Form::ALL.iter().filter(|other| other.name() == form.name()).count(), 1);
    }
}

#[test]
fn inputs_that_give_nothing_say_why() {
    assert_eq!(codes("a.yaml", "a: [\n"), ["TC002 a.yaml 2:1-1"]);
    assert_eq!(codes("dir/.env", "# nothing\n"), ["TC010 .env 1:1-1"]);
    assert_eq!(codes("a.yaml", "kind: Service\nspec: {}\n"), ["TC010 a.yaml 1:1-1"]);
    assert!(shown("deploy.yaml", "kind: Pod\nspec:\n  {{- if x }}\n").starts_with("! TC002"));
    let missing = Input { path: "no.env".into(), bytes: Err("no such file".into()), form: None };
    let binary = Input { path: "b.env".into(), bytes: Ok(b"A=\xff".to_vec()), form: None };
    let json = Input { form: Some(Form::TracerJson), ..input("t.json", "{\n  \"a\": 1,\n}") };
    let (targets, findings) = targets(&[missing, binary, json], Profile::DdTraceCpp, Dialect::Dotenv, None, &no_file);
    assert!(targets.is_empty());
    let found: Vec<String> =
        findings.iter().map(|finding| show_finding(finding, &[("t.json", "{\n  \"a\": 1,\n}")])).collect();
    assert_eq!(
        found,
        [
            "TC001 no.env - no.env cannot be read: no such file",
            "TC001 b.env b.env not UTF-8: byte 0xff at offset 2 belongs to no character",
            "TC002 t.json 3:1-2 not JSON: key must be a string",
        ]
    );
    assert!(findings.iter().all(|finding| finding.severity() == Severity::Error));
}

/// The three samples of the acceptance: one fault each, at its value.
#[test]
fn samples_have_their_values_in_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/inputs");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a sample");
    let read = |path: &Path| std::fs::read(folder.join(path));
    for (file, more, target, name, place) in [
        ("compose.yaml", Some("worker.env"), "orders", "DD_TRACE_SAMPLE_RATE", "19:30-33"),
        ("kubernetes.yaml", None, "api", "DD_TRACE_SAMPLE_RATE", "45:23-27"),
        ("kubernetes.yaml", None, "migrate", "DD_TRACE_SAMPLE_RATE", "45:23-27"),
        ("shop.env", None, "shop.env", "DD_TRACE_RATE_LIMIT", "6:21-25"),
    ] {
        let sample = text(file);
        let further = more.map(|more| (more, text(more)));
        let mut files = vec![(file, sample.as_str())];
        files.extend(further.iter().map(|(name, text)| (*name, text.as_str())));
        let (targets, findings) = targets(&[input(file, &sample)], Profile::DdTraceCpp, Dialect::Dotenv, None, &read);
        assert!(findings.is_empty());
        let found = targets.iter().find(|found| found.name == target).expect("the target");
        let entry = found.get(name).expect("the variable");
        assert_eq!(at(entry.value_place.as_ref(), &files), place);
        assert!(entry.verbatim);
    }
    let compose = text("compose.yaml");
    let (targets, _) = targets(&[input("compose.yaml", &compose)], Profile::DdTraceCpp, Dialect::Dotenv, None, &read);
    let worker = targets.iter().find(|target| target.name == "worker").expect("worker");
    assert_eq!(worker.get("DD_TRACE_RATE_LIMIT").map(|entry| &*entry.value), Some("50"));
    assert_eq!(worker.get("DD_ENV").map(|entry| &*entry.value), Some("test"));
    assert_eq!(worker.unresolved, ["DD_VERSION", "DD_API_KEY"]);
}

#[test]
fn comments_turn_findings_off() {
    let text = "a: 1 # tc:ignore TC308, tc4\n# tc:ignore port-missing TC101\nb: 2\nc: 3 #tc:ignore\n";
    let ignored = |line| super::ignored(text, line, TWICE);
    assert!((1..6).all(|line| !ignored(line)));
    let text = "a: 1 # tc:ignore TC308, TC00\nb: 2\n# tc:ignore key-given-twice\nc: 3\nd: 4\n";
    let found: Vec<u64> = (0..9).filter(|line| super::ignored(text, *line, TWICE)).collect();
    assert_eq!(found, [1, 3, 4]);
}

#[test]
fn hostile_inputs_are_bounded() {
    let run = |path: &str, text: &str| {
        let (targets, findings) = targets(&[input(path, text)], Profile::DdTraceCpp, Dialect::Dotenv, None, &no_file);
        let variables: usize = targets.iter().map(|target| target.env.len() + target.unresolved.len()).sum();
        let value = targets.iter().flat_map(|target| &target.env).map(|entry| entry.value.len()).max().unwrap_or(0);
        let found: Vec<&str> = targets
            .iter()
            .flat_map(|target| &target.findings)
            .chain(&findings)
            .map(|finding| finding.code().id())
            .collect();
        (targets.len(), variables, value, found.len(), found.last().copied().unwrap_or_default())
    };
    // A value doubled by every line.
    let mut doubling = String::from("A0=xxxxxxxxxxxxxxxx\n");
    for level in 1..40 {
        doubling.push_str(&format!("A{level}=$A{0}$A{0}\n", level - 1));
    }
    let (_, _, longest, _, last) = run(".env", &doubling);
    assert!(longest <= 16 << 20 && last == "TC004", "{longest} {last}");
    // Lines that are no assignments: a hundred are kept, the last says how many more.
    assert_eq!(run(".env", &"x y\n".repeat(5_000)).3, 100);
    // Quotes that never close are not searched for again and again.
    assert_eq!(run(".env", &"A=\"\\\"\n".repeat(20_000)).3, 100);
    assert_eq!(run(".env", &format!("A={}\n", "x".repeat(1 << 20))).2, 1 << 20);
    assert_eq!(run(".env", "A=\0\n"), (0, 0, 0, 1, "TC001"));
    // Many services that share a large environment.
    let mut shared = String::from("x: &x\n");
    for name in 0..300 {
        shared.push_str(&format!("  A{name}: b\n"));
    }
    shared.push_str("services:\n");
    for name in 0..400 {
        shared.push_str(&format!("  s{name}: {{environment: *x}}\n"));
    }
    let (count, variables, _, _, last) = run("compose.yaml", &shared);
    assert_eq!((count, variables, last), (400, 100_000, "TC001"));
    // More services than are looked at.
    let mut many = String::from("services:\n");
    for name in 0..=MAX_TARGETS {
        many.push_str(&format!("  s{name}: {{environment: {{A: b}}}}\n"));
    }
    let (count, _, _, _, last) = run("compose.yaml", &many);
    assert_eq!((count, last), (MAX_TARGETS, "TC001"));
}
