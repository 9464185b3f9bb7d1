//! An SSH server of this test's own on the loopback: throw-away keys, this user, no root needed. Between it and the
//! client is a line that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use inferometer::measure::Target;

const PROGRAM: &str = env!("CARGO_BIN_EXE_inferometer");

/// A running server. Ended when dropped.
pub struct Server {
    folder: tempfile::TempDir,
    sshd: Child,
    pub line: Line,
}

impl Server {
    /// Starts one. What is run there has an `INFEROMETER_HOME` of its own and the ONNX Runtime that tests share.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key in ["host", "user", "stranger"] {
            run(Command::new(program("ssh-keygen"))
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(key)));
        }
        std::fs::copy(at("user.pub"), at("authorized")).unwrap();
        let key = std::fs::read_to_string(at("host.pub")).unwrap();
        std::fs::write(at("known"), format!("inferometer-test {key}")).unwrap();
        // Root's sshd insists on this folder, which the system's own makes when it starts; nobody else's needs it.
        let _: std::io::Result<()> = std::fs::create_dir_all("/run/sshd");
        let runtime = &crate::measure::runtimes()[0].path;
        for _ in 0..5 {
            // Nothing keeps the port between here and the server; another attempt takes another one.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
                 AuthorizedKeysFile {}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin yes\nLogLevel ERROR\nMaxStartups 100\n\
                 SetEnv INFEROMETER_HOME={} ORT_DYLIB_PATH={}\n",
                at("host").display(),
                at("authorized").display(),
                at("home").display(),
                runtime.display(),
            );
            std::fs::write(at("config"), config).unwrap();
            let mut sshd = Command::new(program("sshd"))
                .args(["-D", "-e", "-f"])
                .arg(at("config"))
                .stdin(Stdio::null())
                .stderr(std::fs::File::create(at("log")).unwrap())
                .spawn()
                .unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while Instant::now() < deadline && sshd.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { sshd, line: Line::to(port), folder };
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _: std::io::Result<()> = sshd.kill();
            sshd.wait().unwrap();
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(at("log")).unwrap());
    }

    /// A file or folder of the server.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `ssh …` to this server, with one of its keys and one of its lists of known hosts.
    pub fn command_with(&self, key: &str, known: &str) -> String {
        format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile={} -o HostKeyAlias=inferometer-test -p {} 127.0.0.1",
            self.at(key).display(),
            self.at(known).display(),
            self.line.port,
        )
    }

    /// `ssh …` to this server.
    pub fn command(&self) -> String {
        self.command_with("user", "known")
    }

    /// This server, with the program that is tested.
    pub fn target(&self) -> Target {
        Target::parse("loopback", &self.command(), PROGRAM).unwrap()
    }

    /// This server by a launcher that is not ssh itself, and the file whose making kills the connection.
    pub fn wrapped(&self) -> (Target, PathBuf) {
        let (wrapper, axe) = (self.at("wrapper"), self.at("axe"));
        let text = format!(
            "exec 3<&0\n\"$@\" <&3 &\nline=$!\nexec 3<&-\nwhile kill -0 $line 2>/dev/null; do\n\
             if rm {} 2>/dev/null; then kill -9 $line; fi\nsleep 0.02\ndone\nwait $line",
            axe.display()
        );
        script(&wrapper, &text);
        let command = format!("{} {}", wrapper.display(), self.command());
        (Target::parse("wrapped", &command, PROGRAM).unwrap(), axe)
    }

    /// The contents that were sent there.
    pub fn contents(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.at("home/cache/sent/content")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.line.cut_for_good();
        // It may have ended already.
        let _: std::io::Result<()> = self.sshd.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.sshd.wait();
    }
}

/// The network between client and server: passes bytes on until it is cut.
pub struct Line {
    pub port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    down: Arc<AtomicBool>,
}

impl Line {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Self { port, open: Arc::default(), down: Arc::default() };
        let (open, down) = (Arc::clone(&line.open), Arc::clone(&line.down));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let both = [&client, &server].map(|side| side.try_clone().unwrap());
                open.lock().unwrap().extend(both);
                for (from, to) in
                    [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    std::thread::spawn(move || pass_on(from, to));
                }
            }
        });
        line
    }

    /// Cuts every connection there is; new ones go through.
    pub fn cut(&self) {
        for side in self.open.lock().unwrap().drain(..) {
            // It may be closed already.
            let _: std::io::Result<()> = side.shutdown(Shutdown::Both);
        }
    }

    /// Cuts every connection there is and lets no other through.
    pub fn cut_for_good(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.down.store(false, Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for side in [from, to] {
        let _: std::io::Result<()> = side.shutdown(Shutdown::Both);
    }
}

/// The absolute path of a program: sshd must be started by one, and is seldom in a user's search path.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("there is no `{name}`; install OpenSSH (openssh-server and openssh-client)")
        })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Writes a shell script that can be run.
pub fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
