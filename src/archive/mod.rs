//! Images inside of tar and zip files, read where they are.
