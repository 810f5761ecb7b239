"""What is stored: tables, repositories that read and write them, and the migrations. PostgreSQL only."""
