DROP TABLE inbox_polls;
