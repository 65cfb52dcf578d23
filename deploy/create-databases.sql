-- One database for each service: they share a server here, never a table.
CREATE DATABASE customer_data;
CREATE DATABASE lifecycle_scoring;
CREATE DATABASE campaign;
CREATE DATABASE loyalty_points;
