-- What customers answered.
CREATE TABLE survey (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    survey_id TEXT COLLATE "C" NOT NULL,
    answered_at BIGINT NOT NULL,
    channel INTEGER NOT NULL,
    questionnaire TEXT NOT NULL,
    complaint_id TEXT COLLATE "C",
    nps INTEGER,
    -- Service quality and other answers, as src/store/survey.rs writes them.
    record TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, survey_id)
);
