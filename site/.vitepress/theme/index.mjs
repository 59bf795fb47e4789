import DefaultTheme from 'vitepress/theme';
import './layout.css';

export default DefaultTheme;
