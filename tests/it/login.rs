//! `login` and `logout`: what is checked, what is stored and where, and that others can read it.

use std::path::Path;

use serde_json::{Value, json};

use super::support::Barque;
use super::support::fake::{FakeRegistry, on};
use super::support::harbour::{KEEPER, auth_json, base64, good, helper, is_private, reader, spied};
use super::support::images;
use super::support::peers::{self, Auth, DockerRegistry, PASSWORD, USER};
use super::support::sandbox::Sandbox;
use super::support::token_server::TokenServer;

fn locked() -> FakeRegistry {
    FakeRegistry::start()
        .image("a", "1", &images::small())
        .basic(USER, PASSWORD)
}

fn json_at(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn session_file(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.runtime_dir().join("containers/auth.json")
}

#[test]
fn a_login_works_for_barque_and_skopeo_until_the_logout() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    for auth in [Auth::Htpasswd, Auth::Token(&tokens)] {
        let registry = DockerRegistry::setup().auth(auth).start();
        registry.feed("private/ship:1", &images::small());
        let at = registry.address();
        let name = registry.docker("private/ship:1");
        let barque = Barque::new();
        let inspect = || spied(barque.args(["inspect", "-n", &name]));
        inspect().code(3);
        spied(barque.args(["login", at, "-u", USER, "-p", "wrong-password"])).code(3);
        assert!(!session_file(&barque).exists(), "nothing is stored");

        let out = spied(barque.args(["login", at, "-u", USER, "-p", PASSWORD])).ok();
        assert_eq!(out.stdout(), "Login Succeeded!\n");
        assert!(is_private(&session_file(&barque)));
        inspect().ok();
        let skopeo = peers::skopeo().env("REGISTRY_AUTH_FILE", session_file(&barque));
        let inspect_too = ["inspect", "-n", "--tls-verify=false", &name];
        skopeo.args(inspect_too).run().ok();

        let out = spied(barque.args(["login", at, "--get-login"])).ok();
        assert_eq!(out.stdout(), format!("{USER}\n"));
        let out = spied(barque.args(["login", at])).ok();
        assert!(
            out.stdout().contains("Already logged in"),
            "{}",
            out.stdout()
        );

        let out = spied(barque.args(["logout", at])).ok();
        assert_eq!(
            out.stdout(),
            format!("Removed login credentials for {at}\n")
        );
        inspect().code(3);
        let out = spied(barque.args(["login", at, "--get-login"])).code(3);
        assert!(out.stderr().contains("not logged into"), "{}", out.stderr());
        spied(barque.args(["logout", at])).code(1);
    }
}

#[test]
fn skopeos_login_is_read_and_removed() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::setup().auth(Auth::Htpasswd).start();
    registry.feed("a:1", &images::small());
    let barque = Barque::new();
    let login = [
        "login",
        "--tls-verify=false",
        "-u",
        USER,
        "-p",
        PASSWORD,
        registry.address(),
    ];
    let skopeo = Sandbox::of("skopeo").env("REGISTRY_AUTH_FILE", session_file(&barque));
    skopeo.args(login).run().ok();
    spied(barque.args(["inspect", &registry.docker("a:1")])).ok();
    spied(barque.args(["logout", registry.address()])).ok();
    assert_eq!(json_at(&session_file(&barque))["auths"], json!({}));
}

#[test]
fn a_password_comes_from_standard_input() {
    let registry = locked();
    let barque = Barque::new();
    let login = ["login", registry.address(), "-u", USER, "--password-stdin"];
    for input in [
        format!("{PASSWORD}\n"),
        format!("{PASSWORD}\r\n"),
        PASSWORD.into(),
    ] {
        spied(barque.args(login).stdin(input)).ok();
    }
    spied(barque.args(login).stdin("")).code(1);
    let out = spied(barque.args(login).stdin("wrong-password")).code(3);
    assert!(
        out.stderr().contains("invalid username/password"),
        "{}",
        out.stderr()
    );
    // Not a terminal, and nothing given.
    let bare = barque.args(["login", "127.0.0.2:1", "-u", USER]);
    let out = spied(bare.stdin(PASSWORD)).code(1);
    assert!(
        out.stderr().contains("--password-stdin"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_terminal_is_asked_and_shows_no_password() {
    peers::needs!("script");
    let registry = locked();
    let barque = Barque::new();
    let command = format!(
        "{} login {} --debug",
        env!("CARGO_BIN_EXE_barque"),
        registry.address()
    );
    let script = Sandbox::of("sh");
    // The answers come when the questions have been asked, as a person's do; one that is typed before the
    // echo is off would be shown by the terminal.
    let feed = format!(
        "(while ! grep -q Username: typed; do sleep 0.05; done; echo {USER}; \
          while ! grep -q Password: typed; do sleep 0.05; done; sleep 0.3; echo {PASSWORD}; \
          while ! grep -q -e Succeeded -e barque: typed; do sleep 0.05; done) \
         | script -qefc '{command}' typed"
    );
    std::fs::write(script.path("typed"), "").unwrap();
    let run = script.args(["-c", &feed]).env("HOME", barque.home());
    run.env("XDG_RUNTIME_DIR", barque.runtime_dir()).run().ok();
    let typed = std::fs::read_to_string(script.path("typed")).unwrap();
    for part in ["Username: ", "Password: ", "Login Succeeded!"] {
        assert!(typed.contains(part), "{part}: {typed}");
    }
    assert!(!typed.contains(PASSWORD), "{typed}");
    spied(barque.args(["inspect", &registry.docker("a:1")])).ok();
}

#[test]
fn a_signal_at_the_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    peers::needs!("script");
    let registry = locked();
    let script = Sandbox::of("sh");
    let program = env!("CARGO_BIN_EXE_barque");
    let command = format!(
        "(while ! grep -q Password: typed; do sleep 0.05; done; sleep 0.3; kill -TERM $(cat pid)) &\n\
         sh -c 'echo $$ > pid; exec {program} login -u {USER} {}'\n\
         echo code $?; stty -a; echo ended\n",
        registry.address()
    );
    std::fs::write(script.path("command"), command).unwrap();
    std::fs::write(script.path("typed"), "").unwrap();
    let feed = "while ! grep -q ended typed; do sleep 0.05; done | script -qefc 'sh command' typed";
    script.args(["-c", feed]).run().ok();
    let typed = std::fs::read_to_string(script.path("typed")).unwrap();
    assert!(typed.contains("code 143"), "{typed}");
    assert!(
        typed.contains(" echo ") && !typed.contains("-echo "),
        "{typed}"
    );
}

#[test]
fn a_signal_ends_a_login_that_waits_for_its_password() {
    let program = env!("CARGO_BIN_EXE_barque");
    // Standard input stays open and says nothing.
    let line = format!(
        "mkfifo in; exec 3<>in; {program} login -u {USER} --password-stdin 127.0.0.2:1 <&3 & pid=$!; \
         sleep 1; kill -TERM $pid; wait $pid; echo $?"
    );
    let out = Sandbox::of("sh").args(["-c", &line]).run().ok();
    assert_eq!(out.stdout().trim(), "143", "{}", out.stderr());
}

#[test]
fn a_signal_ends_a_login_that_waits_for_the_file() {
    let registry = locked();
    let barque = Barque::new();
    let file = barque.write_home("auth.json", "{}");
    let lock = std::fs::File::create(file.with_extension("json.lock")).unwrap();
    lock.lock().unwrap();
    let place = ["--authfile", file.to_str().unwrap()];
    let login = ["login", registry.address(), "-u", USER, "-p", PASSWORD];
    let running = barque.args(login).args(place).start();
    while registry.with_header("authorization").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.signal("TERM");
    running.wait().code(143);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}");
}

#[test]
fn what_a_file_holds_besides_is_kept() {
    let registry = locked();
    let barque = Barque::new();
    let before = json!({
        "auths": { "other.example": { "auth": base64("a:b"), "email": "a@b" } },
        "HttpHeaders": { "X-Meta": "kept" },
        "psFormat": "table",
    });
    let login = ["login", registry.address(), "-u", USER, "-p", PASSWORD];
    for flag in ["--authfile", "--compat-auth-file"] {
        let file = barque.write_home("config.json", before.to_string());
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
        let place = [flag, file.to_str().unwrap()];
        let out = spied(barque.args(login).args(place).args(["-v"])).ok();
        assert!(out.stdout().contains("config.json"), "{}", out.stdout());
        let mut wanted = before.clone();
        wanted["auths"][registry.address()] = json!({ "auth": base64(&good()) });
        assert_eq!(json_at(&file), wanted);
        assert!(is_private(&file));
        assert!(!session_file(&barque).exists());

        spied(barque.args(["logout", registry.address()]).args(place)).ok();
        assert_eq!(json_at(&file), before);
        spied(barque.args(["logout", "--all"]).args(place)).ok();
        assert_eq!(json_at(&file)["auths"], json!({}));
        assert_eq!(json_at(&file)["psFormat"], "table");
    }
    let file = barque.home().join("fresh.json");
    spied(barque.args(login).env("REGISTRY_AUTH_FILE", &file)).ok();
    assert!(is_private(&file));
    let both = ["--authfile=a", "--compat-auth-file=b"];
    spied(barque.args(login).args(both)).code(1);
}

#[test]
fn a_wrong_password_leaves_the_stored_login() {
    let registry = locked();
    let barque = Barque::new();
    let before = auth_json(registry.address(), &good());
    let file = barque.write_home(".config/containers/auth.json", &before);
    let login = [
        "login",
        registry.address(),
        "-u",
        USER,
        "-p",
        "wrong-password",
    ];
    let out = spied(barque.args(login)).code(3);
    assert!(out.stderr().contains("logging in to"), "{}", out.stderr());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert!(!session_file(&barque).exists());
    let tries = registry.with_header("authorization").len();
    assert!(tries <= 2, "A24: {:#?}", registry.lines());
    // Existing credentials that are wrong are said to be, before others are asked for.
    let wrong = auth_json(registry.address(), "sailor:wrong-password");
    barque.write_home(".config/containers/auth.json", wrong);
    let out = spied(barque.args(["login", registry.address()])).code(1);
    assert!(out.stderr().contains("are not valid"), "{}", out.stderr());
}

#[test]
fn a_registry_that_is_away_takes_no_login() {
    let registry = locked().rule(on("GET").path("/v2/").html(200));
    let barque = Barque::new();
    let login = |at: &str| spied(barque.args(["login", at, "-u", USER, "-p", PASSWORD]));
    login(registry.address()).code(5);
    login("127.0.0.1:1").code(5);
    login("not a registry").code(1);
    assert!(!session_file(&barque).exists());
}

#[test]
fn a_configured_helper_keeps_the_login() {
    peers::needs!("skopeo");
    let registry = locked();
    for config in [
        json!({ "credsStore": "keeper" }),
        json!({ "credHelpers": { registry.address(): "keeper" } }),
    ] {
        let barque = Barque::new();
        let file = barque.write_home(".docker/config.json", config.to_string());
        let path = helper(&barque, "keeper", KEEPER);
        let barque = barque
            .env("PATH", &path)
            .env("DOCKER_CONFIG", file.parent().unwrap());
        let at = registry.address();
        let out = spied(barque.args(["login", at, "-u", USER, "-p", PASSWORD, "-v"])).ok();
        assert!(
            out.stdout().contains("docker-credential-keeper"),
            "{}",
            out.stdout()
        );
        let stored = std::fs::read_to_string(&file).unwrap();
        assert!(!stored.contains(&base64(&good())), "{stored}");
        spied(barque.args(["inspect", &registry.docker("a:1")])).ok();
        if config["credHelpers"].is_object() {
            // skopeo knows neither DOCKER_CONFIG nor `credsStore`, but the file by its home.
            let skopeo = peers::skopeo()
                .env("PATH", &path)
                .env("HOME", barque.home());
            let name = registry.docker("a:1");
            let inspect = ["inspect", "-n", "--tls-verify=false", &name];
            skopeo.args(inspect).run().ok();
        }
        spied(barque.args(["logout", at])).ok();
        spied(barque.args(["inspect", &registry.docker("a:1")])).code(3);
        // The helper reports success also for a login that it does not have.
        let out = spied(barque.args(["logout", at])).code(1);
        assert!(out.stderr().contains("not logged into"), "{}", out.stderr());
    }
}

fn helped_by(helpers: &str) -> Barque {
    let barque = Barque::new();
    let conf = format!("credential-helpers = [{helpers}]\n");
    barque.write_home(".config/containers/registries.conf", conf);
    let path = helper(&barque, "keeper", KEEPER);
    helper(&barque, "stuck", "echo the vault is locked; exit 1");
    barque.env("PATH", path)
}

#[test]
fn helpers_of_registries_conf_keep_the_login() {
    peers::needs!("skopeo");
    let registry = locked();
    let at = registry.address();
    let image = registry.docker("a:1");
    let login = ["login", at, "-u", USER, "-p", PASSWORD];
    for (helpers, in_file, warning) in [
        ("'keeper'", false, ""),
        ("'keeper', 'containers-auth.json'", false, ""),
        ("'stuck', 'keeper'", false, "the vault is locked"),
        ("'absent', 'keeper'", false, "not installed"),
        ("'containers-auth.json', 'keeper'", true, ""),
        ("", true, ""),
    ] {
        let barque = helped_by(helpers);
        let out = spied(barque.args(login)).ok();
        assert_eq!(session_file(&barque).exists(), in_file, "{helpers}");
        assert!(out.stderr().contains(warning), "{}", out.stderr());
        spied(barque.args(["inspect", &image])).ok();
        let get = spied(barque.args(["login", "--get-login", at])).ok();
        assert_eq!(get.stdout(), format!("{USER}\n"), "{helpers}");
        let out = spied(barque.args(["login", at])).ok();
        assert!(out.stdout().contains("Already"), "{}", out.stdout());
        if warning.is_empty() {
            let skopeo = Sandbox::of("skopeo")
                .env("HOME", barque.home())
                .env("XDG_RUNTIME_DIR", barque.runtime_dir())
                .env("PATH", helper(&barque, "keeper", KEEPER));
            let get = skopeo.args(["login", "--get-login", at]).run().ok();
            assert_eq!(get.stdout(), format!("{USER}\n"), "{helpers}");
            spied(barque.args(["logout", at])).ok();
            spied(barque.args(["logout", at])).code(1);
        } else {
            let out = spied(barque.args(["logout", at]));
            assert!(out.stderr().contains(warning), "{}", out.stderr());
        }
        let left = std::fs::read_dir(barque.home().join("bin")).unwrap();
        assert_eq!(left.count(), 2, "{helpers}: only the two helpers");
    }
}

#[test]
fn a_login_that_helpers_cannot_keep_goes_to_the_file() {
    let registry = locked();
    let part = format!("{}/a", registry.address());
    let login = ["login", &part, "-u", USER, "-p", PASSWORD];
    let out = spied(helped_by("'keeper'").args(login)).code(1);
    let text = out.stderr();
    assert!(text.contains("keeps one login a registry"), "{text}");
    let barque = helped_by("'keeper', 'containers-auth.json'");
    spied(barque.args(login)).ok();
    assert!(session_file(&barque).exists());
    // Docker does not know these helpers.
    let barque = helped_by("'keeper'");
    let file = barque.home().join("config.json");
    let compat = ["--compat-auth-file", file.to_str().unwrap()];
    let login = ["login", registry.address(), "-u", USER, "-p", PASSWORD];
    spied(barque.args(login).args(compat)).ok();
    let get = ["login", "--get-login", registry.address()];
    spied(barque.args(get).args(compat)).ok();
    spied(barque.args(get)).code(3);
    spied(barque.args(["logout", registry.address()]).args(compat)).ok();
    assert_eq!(json_at(&file)["auths"], json!({}));
}

#[test]
fn a_logout_of_all_empties_the_helpers() {
    let registry = locked();
    let at = registry.address();
    let login = ["login", at, "-u", USER, "-p", PASSWORD];
    let gone = |barque: &Barque| spied(barque.args(["inspect", &registry.docker("a:1")])).code(3);

    let barque = helped_by("'keeper', 'containers-auth.json'");
    spied(barque.args(login)).ok();
    spied(barque.args(["logout", "--all"])).ok();
    gone(&barque);

    // What a helper of the file has is not in the file.
    let barque = helped_by("");
    let file = json!({ "credsStore": "keeper", "auths": {} });
    let file = barque.write_home("auth.json", file.to_string());
    let barque = barque.env("REGISTRY_AUTH_FILE", &file);
    spied(barque.args(login)).ok();
    assert_eq!(json_at(&file)["auths"], json!({}));
    spied(barque.args(["logout", "--all"])).ok();
    gone(&barque);

    // One that fails does not keep the others.
    let barque = helped_by("'stuck', 'keeper', 'containers-auth.json'");
    let file = json!({ "auths": { at: { "auth": base64(&good()) } } });
    let file = barque.write_home("auth.json", file.to_string());
    let barque = barque.env("REGISTRY_AUTH_FILE", &file);
    spied(barque.args(login)).ok();
    let out = spied(barque.args(["logout", "--all"])).code(1);
    assert_eq!(out.stdout(), "");
    let text = out.stderr();
    assert!(
        text.contains("not all logins were removed") && text.contains("vault"),
        "{text}"
    );
    assert_eq!(json_at(&file)["auths"], json!({}));
    let left = std::fs::read_dir(barque.home().join("bin")).unwrap();
    assert_eq!(left.count(), 2, "only the two helpers");
}

#[test]
fn a_token_without_a_user_is_no_login_to_name() {
    let barque = Barque::new();
    let file = json!({ "auths": { "a.io": { "identitytoken": "t" } }, "credHelpers": { "b.io": "token" } });
    barque.write_home(".config/containers/auth.json", file.to_string());
    let script = r#"echo '{"ServerURL":"b.io","Username":"<token>","Secret":"t"}'"#;
    let path = helper(&barque, "token", script);
    for host in ["a.io", "b.io"] {
        let get = barque.args(["login", "--get-login", host]);
        let out = get.env("PATH", &path).run().code(3);
        assert!(out.stderr().contains("with a token"), "{}", out.stderr());
        assert_eq!(out.stdout(), "");
    }
}

#[test]
fn a_login_at_a_blocked_registry_is_not_tried() {
    let registry = locked();
    let at = registry.address();
    let barque = Barque::new();
    let conf = format!("[[registry]]\nprefix = '{at}'\nlocation = '{at}'\nblocked = true\n");
    barque.write_home(".config/containers/registries.conf", conf);
    for args in [
        &["login", at, "-u", USER, "-p", PASSWORD][..],
        &["login", at],
    ] {
        let out = spied(barque.args(args)).code(3);
        let text = out.stderr();
        assert!(
            text.contains("is blocked") && !text.contains("invalid"),
            "{text}"
        );
    }
    assert_eq!(registry.lines(), [""; 0]);
}

#[test]
fn a_login_of_a_part_is_for_that_part() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = DockerRegistry::setup().auth(Auth::Token(&tokens)).start();
    registry.feed("team/ship:1", &images::small());
    registry.feed("other/ship:1", &images::small());
    let barque = Barque::new();
    let team = format!("{}/team", registry.address());
    let (user, password) = (reader(), reader());
    let (user, password) = (
        user.split_once(':').unwrap().0,
        password.split_once(':').unwrap().1,
    );
    spied(barque.args(["login", &team, "-u", user, "-p", password])).ok();
    let file = json_at(&session_file(&barque));
    assert_eq!(
        file["auths"],
        json!({ &team: { "auth": base64(&reader()) } })
    );
    spied(barque.args(["inspect", &registry.docker("team/ship:1")])).ok();
    spied(barque.args(["inspect", &registry.docker("other/ship:1")])).code(3);
    let skopeo = peers::skopeo();
    let name = registry.docker("team/ship:1");
    let inspect = skopeo.args(["inspect", "--tls-verify=false", &name]);
    inspect
        .env("REGISTRY_AUTH_FILE", session_file(&barque))
        .run()
        .ok();
    spied(barque.args(["logout", registry.address()])).code(1);
    spied(barque.args(["logout", &team])).ok();
    spied(barque.args(["inspect", &registry.docker("team/ship:1")])).code(3);
}

#[test]
fn a_logout_says_where_the_login_is_that_it_leaves() {
    let registry = locked();
    let barque = Barque::new();
    let docker = barque.write_home(
        ".docker/config.json",
        auth_json(registry.address(), &good()),
    );
    let before = std::fs::read(&docker).unwrap();
    let out = spied(barque.args(["logout", registry.address()])).code(1);
    assert_eq!(out.stdout(), "");
    let told = out.stderr();
    assert!(told.contains("is in `~/.docker/config.json`"), "{told}");
    let hint = format!(
        "`barque logout --compat-auth-file ~/.docker/config.json {}`",
        registry.address()
    );
    assert!(told.contains(&hint), "{told}");
    assert_eq!(std::fs::read(&docker).unwrap(), before);

    // With a login in its own file too, that one goes, and the other is not passed over in silence.
    let login = ["login", registry.address(), "-u", USER, "-p", PASSWORD];
    spied(barque.args(login)).ok();
    let out = spied(barque.args(["logout", registry.address()])).ok();
    assert!(out.stderr().contains(&hint), "{}", out.stderr());
    let flag = ["--compat-auth-file", docker.to_str().unwrap()];
    spied(barque.args(["logout", registry.address()]).args(flag)).ok();
    let out = spied(barque.args(["logout", registry.address()])).code(1);
    assert!(out.stderr().contains("not logged into"), "{}", out.stderr());

    let text = auth_json(registry.address(), &good());
    let logout = barque.args(["logout", registry.address()]);
    let out = spied(logout.env("DOCKER_AUTH_CONFIG", text)).code(1);
    assert!(
        out.stderr().contains("unset the variable"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_missing_authfile_is_an_error_unless_a_login_makes_it() {
    let registry = FakeRegistry::start().image("a", "1", &crate::support::images::small());
    let barque = Barque::new();
    let name = registry.docker("a:1");
    let repository = registry.docker("a");
    for args in [
        &["inspect", &name][..],
        &["tags", &repository],
        &["layers", &name],
        &["copy", &name, "dir:out"],
        &["copy", "--src-authfile=absent.json", &name, "dir:out"],
        &["delete", &name],
        &["repos", registry.address()],
    ] {
        let given = match args[1].starts_with("--") {
            true => &[][..],
            false => &["--authfile", "absent.json"],
        };
        let out = barque.args(args).args(given).run().code(1);
        let told = out.stderr();
        assert!(
            told.contains("credential file `absent.json` does not exist"),
            "{told}"
        );
    }
    assert!(registry.lines().is_empty(), "{:?}", registry.lines());
    // A variable may name the file of a later login.
    let named = barque
        .args(["inspect", &name])
        .env("REGISTRY_AUTH_FILE", "absent.json");
    named.run().ok();
    let locked = locked();
    let login = ["login", locked.address(), "-u", USER, "-p", PASSWORD];
    spied(barque.args(login).args(["--authfile", "absent.json"])).ok();
    barque
        .args(["inspect", "--authfile=absent.json", &name])
        .run()
        .ok();
}
