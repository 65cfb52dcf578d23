//! One port for all services: health, reflection, and what it refuses to be.

use std::net::SocketAddr;

use tenure_rpc::server::ServerError;
use tenure_rpc::{Lifecycle, Readiness, Routes, Server, ServerConfig};
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::probe::{NAME, Probe, over_a_socket};

fn health_of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn health_follows_the_readiness_of_each_service_and_of_all() {
    let served = over_a_socket(Probe::default(), ServerConfig::default()).await;
    let mut health = HealthClient::new(served.transport.clone());
    let mut one = health.watch(health_of(NAME)).await.unwrap().into_inner();
    let mut all = health.watch(health_of("")).await.unwrap().into_inner();
    let mut both = async |expected: ServingStatus| {
        for stream in [&mut one, &mut all] {
            while stream.message().await.unwrap().unwrap().status() != expected {}
        }
    };

    both(ServingStatus::Serving).await;
    served.readiness.set(false);
    both(ServingStatus::NotServing).await;
    served.readiness.set(true);
    both(ServingStatus::Serving).await;

    let unknown = health
        .check(health_of("no.such.Service"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn a_server_that_starts_is_not_serving_before_it_says_so() {
    let lifecycle = Lifecycle::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let readiness = Readiness::starting();
    let serving = Server::new(ServerConfig {
        listen,
        ..ServerConfig::default()
    })
    .add(Routes::default().add_service(Probe::default()), &readiness)
    .serve(&lifecycle)
    .await
    .unwrap();
    let transport =
        tenure_rpc::connect(&format!("http://{}", serving.address), &Default::default()).unwrap();

    for service in [NAME, ""] {
        let answer = HealthClient::new(transport.clone())
            .check(health_of(service))
            .await
            .unwrap();
        assert_eq!(
            answer.into_inner().status(),
            ServingStatus::NotServing,
            "{service:?}"
        );
    }
}

async fn reflect(
    served: &crate::probe::Served,
    question: MessageRequest,
) -> ServerReflectionResponse {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let mut client = ServerReflectionClient::new(served.transport.clone());
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    answers.into_inner().next().await.unwrap().unwrap()
}

#[tokio::test]
async fn reflection_lists_our_services_and_knows_error_details() {
    let served = over_a_socket(Probe::default(), ServerConfig::default()).await;

    let listed = reflect(&served, MessageRequest::ListServices(String::new())).await;
    let details = MessageRequest::FileContainingSymbol("google.rpc.ErrorInfo".to_owned());
    let details = reflect(&served, details).await;

    let Some(MessageResponse::ListServicesResponse(listed)) = listed.message_response else {
        panic!("{listed:?}")
    };
    let names: Vec<_> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in [
        "tenure.customer.v1.CustomerService",
        "tenure.loyalty.v1.LoyaltyService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ] {
        assert!(
            names.iter().any(|listed| listed == name),
            "{name} in {names:?}"
        );
    }
    let found = details.message_response.unwrap();
    assert!(
        matches!(found, MessageResponse::FileDescriptorResponse(_)),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_not_served_to_the_world() {
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let config = ServerConfig {
        listen,
        ..ServerConfig::default()
    };

    let refused = Server::new(config)
        .serve(&Lifecycle::new())
        .await
        .unwrap_err();

    let ServerError::Refused(violations) = &refused else {
        panic!("{refused}")
    };
    assert_eq!(violations[0].field, "listen");
    assert_eq!(violations[0].found, "0.0.0.0:0 without tls");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let config = ServerConfig {
        listen,
        ..ServerConfig::default()
    };

    let refused = Server::new(config)
        .serve(&Lifecycle::new())
        .await
        .unwrap_err();

    assert_eq!(refused.to_string(), format!("cannot listen on {listen}"));
}
