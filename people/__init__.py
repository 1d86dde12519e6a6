"""Who signs in and how: second factors, single sign-on, sessions, invitations' doors, accounts. No finding."""
