BEGIN TRANSACTION;
CREATE TABLE app (
        name TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        running INTEGER NOT NULL DEFAULT 0,
        detached INTEGER NOT NULL DEFAULT 0,
        current INTEGER,
        previous INTEGER,
        scale TEXT NOT NULL DEFAULT '{}',
        next_release INTEGER NOT NULL DEFAULT 1,
        running_settings TEXT,
        created INTEGER NOT NULL
    ) STRICT;
INSERT INTO "app" VALUES('blog','/home/ana/my blog',1,0,7,6,'{"web":3}',8,'abababababababababababababababababababababababababababababababab',1763712000005);
CREATE TABLE deploy (
        id INTEGER PRIMARY KEY,
        app TEXT NOT NULL,
        release INTEGER,
        verb TEXT NOT NULL,
        by TEXT NOT NULL,
        at INTEGER NOT NULL,
        took INTEGER NOT NULL,
        outcome TEXT NOT NULL
    ) STRICT;
INSERT INTO "deploy" VALUES(1,'blog',7,'up','ana',1763712000005,1500,'live');
CREATE TABLE forgotten (
        app TEXT PRIMARY KEY
    ) STRICT;
INSERT INTO "forgotten" VALUES('shop');
CREATE TABLE job (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        process TEXT NOT NULL,
        last INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (app, process)
    ) STRICT;
INSERT INTO "job" VALUES('blog','nightly',1763712000005,'ended with exit code 0');
CREATE TABLE release (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        number INTEGER NOT NULL,
        content TEXT NOT NULL,
        environment TEXT,
        layer TEXT,
        summary TEXT NOT NULL,
        by TEXT NOT NULL,
        built INTEGER NOT NULL,
        PRIMARY KEY (app, number)
    ) STRICT;
INSERT INTO "release" VALUES('blog',7,'abababababababababababababababababababababababababababababababab','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',NULL,'Flask 3.1 · Python 3.12','ana',1763712000005);
CREATE TABLE setting (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        layer TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (app, layer, name)
    ) STRICT;
INSERT INTO "setting" VALUES('blog','own','TOKEN','it''s');
INSERT INTO "setting" VALUES('blog','dotenv','DEBUG','0');
CREATE INDEX deploy_of_app ON deploy (app, id);
COMMIT;
PRAGMA user_version = 1;
