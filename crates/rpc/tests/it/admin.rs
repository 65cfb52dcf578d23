//! The operators' port.

use tenure_rpc::admin::Admin;
use tenure_rpc::telemetry::{self, TelemetryConfig};
use tenure_rpc::{EdgeConfig, Lifecycle, Readiness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::probe::{Probe, in_one_process};

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn operators_see_life_readiness_version_and_measurements() {
    let telemetry = telemetry::init(&TelemetryConfig::default(), "test").unwrap();
    let again = telemetry::init(&TelemetryConfig::default(), "test").unwrap();
    let (lifecycle, readiness) = (Lifecycle::new(), Readiness::starting());
    let admin = Admin {
        lifecycle: lifecycle.clone(),
        readiness: vec![readiness.clone()],
        metrics: telemetry.metrics.clone(),
        version: "1.2.3",
    };
    let address = admin.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();

    assert_eq!(get(address, "/livez").await, (200, "alive".to_owned()));
    assert_eq!(get(address, "/readyz").await, (503, "not ready".to_owned()));
    readiness.set(true);
    assert_eq!(get(address, "/readyz").await, (200, "ready".to_owned()));
    assert_eq!(get(address, "/version").await, (200, "1.2.3".to_owned()));

    in_one_process(Probe::default(), EdgeConfig::default())
        .client()
        .call("Echo", "")
        .await
        .unwrap();
    let (_, measured) = get(address, "/metrics").await;
    let bucket = "rpc_server_call_duration_seconds_bucket{rpc_system_name=\"grpc\",\
        rpc_method=\"_OTHER\",rpc_status_code=\"OK\",le=\"10\"}";
    assert!(measured.contains(bucket), "{measured}");
    assert!(again.metrics.render().contains(bucket));

    lifecycle.stop();
    assert_eq!(get(address, "/readyz").await, (503, "draining".to_owned()));
}
