mod definitions;
mod projects;
