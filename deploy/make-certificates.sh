#!/bin/sh
# Makes an authority and one certificate for trying Tenure out over the network, in ./certificates.
# Servers show the certificate to clients and clients to servers; in production, let your own
# authority sign one for each of them.
set -eu
cd "$(dirname "$0")"
mkdir -p certificates
cd certificates

names="DNS:localhost,IP:127.0.0.1"
for service in customer-data lifecycle-scoring campaign loyalty-points; do
    names="$names,DNS:$service"
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 30 \
    -subj "/CN=Tenure trial authority" -keyout ca.key -out ca.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
    -subj "/CN=tenure" -keyout tls.key -out tls.csr
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names" > tls.ext
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
    -extfile tls.ext -out tls.crt
rm tls.csr tls.ext
# The account in the image reads them.
chmod 644 tls.key
