//! A door by hand, to measure and to look at: `door <address>[,<address with TLS>] <cores>
//! <upstream socket or host:port>... [/prefix=<folder or address to go to>]... [cache=<percent>]`.
//! Serves the names `blog.localhost`, `localhost` and `127.0.0.1`, and those of `hosts=a,b`. An upstream behind `h2c:`
//! speaks HTTP/2.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::net::SocketAddr;

use ship_door::client::DoorClient;
use ship_door::table::{
    Address, Cache, Certificates, Https, Protocol, Route, RouteRules, Site, SiteRules, Table,
    Target, Upstream, VERSION,
};
use ship_door::{Config, bind, bind_datagrams, run};

#[global_allocator]
static MEMORY: ship_sandbox::Pieces = ship_sandbox::Pieces;

fn main() {
    ship_sandbox::keep_freed_memory();
    let mut arguments = std::env::args().skip(1);
    let addresses = arguments.next().expect("an address");
    let addresses: Vec<SocketAddr> = addresses
        .split(',')
        .map(|address| address.parse().expect("an address"))
        .collect();
    let cores = arguments.next().expect("cores").parse().expect("cores");
    let (beside, upstreams): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| argument.contains('='));
    let upstreams = upstreams.into_iter().enumerate().map(|(number, address)| {
        let (address, protocol) = match address.strip_prefix("h2c:") {
            Some(address) => (address, Protocol::H2c),
            None => (&*address, Protocol::Http1),
        };
        Upstream {
            key: format!("blog/web.{number}@r1"),
            address: match address.parse() {
                Ok(port) => Address::Tcp(port),
                Err(_) => Address::Unix(address.into()),
            },
            protocol,
        }
    });
    let app = Target::Instances {
        upstreams: upstreams.collect(),
        strip: false,
    };
    let mut app = route("/", app);
    let mut routes = Vec::new();
    let mut hosts = ["blog.localhost", "localhost", "127.0.0.1"]
        .map(str::to_owned)
        .to_vec();
    for argument in &beside {
        match argument.split_once('=').expect("two sides") {
            ("hosts", names) => hosts.extend(names.split(',').map(str::to_owned)),
            ("cache", share) => app.cache = Some(kept_for(share)),
            (prefix, to) => routes.push(route(prefix, target(to))),
        }
    }
    routes.insert(0, app);
    let table = Table {
        version: VERSION,
        certificates: Certificates {
            local: true,
            acme: None,
        },
        sites: vec![Site {
            app: "blog".parse().expect("a name"),
            release: None,
            hosts,
            routes,
            body_limit: 10 << 20,
            https: Https::default(),
            access_log: None,
            rules: SiteRules::default(),
        }],
    };
    let folder = std::env::temp_dir().join(format!("ship-door-{}", std::process::id()));
    let socket = folder.join("door.sock");
    let parent = std::thread::spawn({
        let socket = socket.clone();
        move || tell(&socket, &addresses, table)
    });
    run(Config {
        socket,
        first_socket: None,
        folder,
        cores,
        developer: true,
    })
    .expect("the door runs");
    parent.join().expect("the parent");
}

fn route(prefix: &str, to: Target) -> Route {
    Route {
        prefix: prefix.to_owned(),
        to,
        cache: None,
        rules: RouteRules::default(),
    }
}

/// For so many percent of its age, a day at most.
fn kept_for(share: &str) -> Cache {
    Cache {
        fresh: 86_400,
        share: Some(share.parse().expect("a share in percent")),
        stale: 0,
    }
}

fn target(text: &str) -> Target {
    if text.starts_with("http") {
        Target::Redirect {
            to: text.to_owned(),
            status: 301,
        }
    } else {
        Target::Files {
            folder: text.into(),
            fall_through: false,
            fallback: None,
            packed: None,
        }
    }
}

fn tell(socket: &std::path::Path, addresses: &[SocketAddr], table: Table) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut door = loop {
            match DoorClient::connect(socket).await {
                Ok(door) => break door,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        };
        door.swap(table).await.expect("a table");
        for (scheme, address) in ["http", "https"].iter().zip(addresses) {
            let listener = bind(*address).expect("a free address");
            door.listen(vec![((*scheme).to_owned(), listener)])
                .await
                .expect("a listener");
            println!("{scheme}://{address}");
            // Where the UDP port is somebody else's, what TCP carries is spoken alone.
            if *scheme == "https"
                && let Ok(socket) = bind_datagrams(*address)
            {
                let sockets = vec![("http3".to_owned(), socket)];
                door.listen(sockets).await.expect("a socket");
                println!("HTTP/3 at {address}");
            }
        }
    });
}
