"""What is around the pages: menus, title, tray, starting and quitting, the demo, crashes."""
