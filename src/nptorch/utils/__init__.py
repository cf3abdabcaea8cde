"""What training needs beside layers and optimizers: data loading."""
