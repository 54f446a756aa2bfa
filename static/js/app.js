// The one script of every page; a page with a map or a rule editor adds its own module beside it.

import "./htmx.js";
import "./keyboard.js";
import "./toast.js";
import "./dialog.js";
import "./menu.js";
import "./theme.js";
import "./side-panel.js";
import "./signal.js";
import "./combo-box.js";
