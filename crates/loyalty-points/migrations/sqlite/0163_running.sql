-- The settlements that somebody began and nobody ended yet, of all partners: few or none.
CREATE INDEX settlement_running ON settlement (partner_id, number) WHERE state = 1;
