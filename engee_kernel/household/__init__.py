"""What a person's cells share, whoever runs them: settings, the session, remarks, arguments of magics and commands."""
